"""Two contacts that prove to be one person are merged, with their conversations, and nothing is lost."""

import asyncio

import pytest

from gateway.conversations import holding, labels, writing
from gateway.store.composer import notes
from gateway.store.customers import contacts
from gateway.store.database import Pool
from gateway.store.desk import changes, presence, tags
from tests.gateway.support.customers import NEW_ID, OLD_ID, by, people
from tests.gateway.support.deliveries import MARIA
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import Gateway, until
from tests.gateway.support.internal import capability, open_turn, runs_client
from tests.gateway.support.people import person


async def two_halves(gateway: Gateway) -> None:
    """Receive messages of a customer whose number and user id are not yet known to belong together."""
    await gateway.take(by(MARIA, None, "a"))
    await gateway.settle()
    await gateway.take(by(None, OLD_ID, "b"))


async def test_what_waits_in_both_is_answered_in_the_older_thread(gateway: Gateway) -> None:
    await two_halves(gateway)
    [(older,)] = await gateway.sql("SELECT id::text FROM conversation ORDER BY created_at LIMIT 1")
    await gateway.take(by(MARIA, OLD_ID, "c"))
    await gateway.settle()
    run = gateway.agent.runs[0]
    assert (run["thread_id"], [item["text"] for item in run["input"]["inbound"]]) == (older, ["b", "c"])
    assert await gateway.replies() == ["a", "b | c"]
    [(absorbed,)] = await gateway.sql("SELECT absorbed_id::text FROM contact_merge")
    assert {"kind": "former_id", "value": absorbed} in run["context"]["customer_keys"]


async def test_a_merge_waits_for_the_run_in_the_conversation_that_goes(gateway: Gateway) -> None:
    await two_halves(gateway)
    gateway.agent.gate.clear()
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 2)
    await until(lambda: _posted(gateway))
    await gateway.take(by(MARIA, OLD_ID, "c"))
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(2,)]
    assert await gateway.sql("SELECT count(*) FROM event WHERE state = 'new' AND due_at > now()") == [(1,)]
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    await gateway.sql("UPDATE event SET due_at = now()")
    await gateway.intake.step()
    assert await people(gateway) == [{"a", "b", "c"}]
    await gateway.settle()
    assert await gateway.replies() == ["a", "b", "c"]


async def _posted(gateway: Gateway) -> bool:
    return await gateway.sql("SELECT count(*) FROM turn WHERE state = 'open' AND run_id IS NOT NULL") == [(1,)]


async def test_a_run_in_the_older_thread_goes_on(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.take(by(MARIA, None, "a"))
    await gateway.turns.step()
    await until(lambda: _posted(gateway))
    await gateway.take(by(None, OLD_ID, "b"), by(MARIA, OLD_ID, "c"))
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(1,)]
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    await gateway.settle()
    assert await gateway.replies() == ["a", "b | c"]
    assert await gateway.sql("SELECT state, count(*) FROM turn GROUP BY 1") == [("done", 2)]


async def test_a_turn_without_a_run_is_undone_and_its_messages_wait_again(gateway: Gateway) -> None:
    await two_halves(gateway)
    await gateway.sql(
        """WITH t AS (INSERT INTO turn (conversation_id) SELECT conversation_id FROM message WHERE awaits RETURNING id)
           UPDATE message SET turn_id = t.id, awaits = false FROM t WHERE awaits"""
    )
    await gateway.take(by(MARIA, OLD_ID, "c"))
    await gateway.settle()
    assert await gateway.replies() == ["a", "b | c"]


async def test_a_persons_hold_outlives_a_merge_and_silences_what_was_queued(gateway: Gateway) -> None:
    await two_halves(gateway)
    await gateway.sql(
        "UPDATE conversation SET holder = 'person' WHERE created_at = (SELECT max(created_at) FROM conversation)"
    )
    await gateway.take(by(MARIA, OLD_ID, "c"))
    assert await gateway.sql("SELECT holder FROM conversation") == [("person",)]
    assert await gateway.sql("SELECT status FROM message WHERE direction = 'out'") == [("failed",)]


async def test_marketing_and_name_survive_a_merge(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"))
    await gateway.sql(
        """UPDATE contact SET marketing = 'stop', marketing_at = now(), name = 'Maria'
           WHERE created_at = (SELECT max(created_at) FROM contact)"""
    )
    await gateway.take(by(MARIA, OLD_ID, "c"))
    assert await gateway.sql("SELECT name, marketing FROM contact") == [("Maria", "stop")]


async def test_the_id_of_a_merged_contact_still_leads_to_the_history(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"), by(MARIA, OLD_ID, "c"))
    [(absorbed,)] = await gateway.sql("SELECT absorbed_id FROM contact_merge")
    [(kept,)] = await gateway.sql("SELECT id FROM contact")
    turn = await open_turn(gateway.pool, kept)
    async with runs_client(gateway.pool, capability(turn, absorbed)) as client:
        answer = await client.get("/internal/history")
    assert [item["text"] for item in answer.json()["messages"]] == ["a", "b", "c"]


async def test_workers_that_meet_at_one_customer_lose_nothing(pool: Pool) -> None:
    one = Gateway(pool)
    workers = [one, Gateway(pool), Gateway(pool)]
    sets = [(MARIA, None), (None, OLD_ID), (MARIA, OLD_ID), ("551187654321", None)]
    for n in range(40):
        number, user = sets[n % 4]
        await one.keep(by(number, user, str(n)))

    async def idle() -> bool:
        await asyncio.gather(*(worker.intake.step() for worker in workers))
        return await one.sql("SELECT count(*) FROM event WHERE state = 'new'") == [(0,)]

    await until(idle)
    assert await people(one) == [{str(n) for n in range(40)}]
    assert await one.sql("SELECT state, count(*) FROM event GROUP BY 1") == [("done", 40)]


async def _waits_for_a_key(gateway: Gateway) -> bool:
    waiting = "SELECT true FROM pg_locks JOIN pg_database d ON d.oid = database WHERE datname = current_database()"
    return bool(await gateway.sql(f"{waiting} AND locktype = 'advisory' AND NOT granted"))


async def test_a_batch_in_the_way_of_another_one_gives_all_its_locks_back(pool: Pool) -> None:
    one = Gateway(pool)
    await one.take(by(MARIA, None, "a"), by("551187654321", None, "b"))
    for n, (number, user) in enumerate([(MARIA, NEW_ID), ("551187654321", OLD_ID)]):
        await one.keep(by(number, user, str(n)))
    async with pool.connection() as other, other.transaction():
        await contacts.lock(other, [OLD_ID])
        batch = asyncio.create_task(one.intake.step())
        await until(lambda: _waits_for_a_key(one))
        await contacts.lock(other, [NEW_ID])
    await batch
    assert await one.sql("SELECT attempts, state FROM event WHERE id > 2 ORDER BY id") == [(0, "done"), (0, "done")]


async def test_a_divided_batch_in_the_way_of_another_one_ends_at_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Gateway(pool)

    async def divided(*_: object) -> bool:
        return False  # as after the failure of an item; together, the batch would wait for all customers first

    monkeypatch.setattr(one.intake, "_together", divided)
    await poison(pool, "message", "NEW.content->>'text' = 'veneno'")
    await one.take(by(MARIA, None, "a"), by("551187654321", None, "b"))
    await one.keep(by(MARIA, None, "veneno"))
    for n, (number, user) in enumerate([(MARIA, NEW_ID), ("551187654321", OLD_ID), ("551187654321", OLD_ID)]):
        await one.keep(by(number, user, str(n)))
    async with pool.connection() as other, other.transaction():
        await contacts.lock(other, [OLD_ID])
        batch = asyncio.create_task(one.intake.step())
        await until(lambda: _waits_for_a_key(one))
        await contacts.lock(other, [NEW_ID])
        await batch
        tried = await one.sql("SELECT attempts, state FROM event WHERE id > 2 ORDER BY id")
        assert tried == [(0, "failed"), (0, "done"), (1, "new"), (0, "new")]


async def test_a_merge_carries_all_that_people_did(gateway: Gateway) -> None:
    await two_halves(gateway)
    ana, rui = await person(gateway, "Ana"), await person(gateway, "Rui")
    rows = await gateway.sql("SELECT id, version FROM conversation ORDER BY created_at")
    async with gateway.pool.connection() as conn:
        for n, (conversation, _) in enumerate(rows):
            await labels.tag(conn, conversation, ana, await tags.create(conn, f"tag{n}"))
            await writing.note(conn, conversation, ana, f"note{n}")
            await notes.save_draft(conn, conversation, ana.id, "reply", f"draft{n}")
            await presence.mark_read(conn, conversation, ana.id, 10 + n)
            await presence.view(conn, conversation, ana.id)
        await presence.mark_read(conn, rows[0][0], rui.id, 99)  # Rui never looked into the other one
        start = await changes.newest(conn)
        await holding.take(conn, rows[1][0], rui, rows[1][1])
    await gateway.take(by(MARIA, OLD_ID, "c"))
    kept, absorbed = rows[0][0], rows[1][0]
    assert await gateway.sql("SELECT id, state, assignee_id FROM conversation") == [(kept, "taken", rui.id)]
    assert await gateway.sql("SELECT t.name FROM conversation_tag c JOIN tag t ON t.id = c.tag_id ORDER BY 1") == [
        ("tag0",), ("tag1",),
    ]  # fmt: skip
    assert await gateway.sql("SELECT text FROM note ORDER BY 1") == [("note0",), ("note1",)]
    assert await gateway.sql("SELECT text FROM draft") == [("draft0\ndraft1",)]
    assert await gateway.sql("SELECT person_id, seq FROM read_mark") == [(ana.id, 10)]
    assert await gateway.sql("SELECT conversation_id FROM viewing") == [(kept,)]
    assert await gateway.sql("SELECT conversation_id, closed_at FROM episode") == [(kept, None)]
    async with gateway.pool.connection() as conn:
        told = (await changes.after(conn, start)).changes
    assert (absorbed, "merged", kept) in [(one.conversation_id, one.kind, one.subject) for one in told]
