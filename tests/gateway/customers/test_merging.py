"""Two contacts that turn out to be one person: their conversations become one, and nothing is lost."""

import asyncio
from typing import Any

import httpx
from obstore.store import MemoryStore
from starlette.applications import Starlette

from gateway.internal.routes import Internal
from gateway.store.database import Pool
from tests.gateway.support.bench import Bench, until
from tests.gateway.support.customers import OLD_ID, by, people
from tests.gateway.support.inbound import MARIA, Inbox


async def two_halves(bench: Bench) -> Inbox:
    """A customer of whom nobody knows yet that the number and the user id are one person's."""
    inbox = Inbox(bench.pool)
    await inbox.take(by(MARIA, None, "a"))
    await bench.settle()
    await inbox.take(by(None, OLD_ID, "b"))
    return inbox


async def test_what_waits_in_both_is_answered_in_the_older_thread(bench: Bench) -> None:
    inbox = await two_halves(bench)
    [(older,)] = await inbox.sql("SELECT id::text FROM conversation ORDER BY created_at LIMIT 1")
    await inbox.take(by(MARIA, OLD_ID, "c"))
    await bench.settle()
    run = bench.server.runs[0]
    assert (run["thread_id"], [item["text"] for item in run["input"]["inbound"]]) == (older, ["b", "c"])
    assert await bench.replies() == ["a", "b | c"]
    [(absorbed,)] = await inbox.sql("SELECT absorbed_id::text FROM contact_merge")
    assert {"kind": "former_id", "value": absorbed} in run["context"]["customer_keys"]


async def test_a_merge_waits_for_the_run_in_the_conversation_that_goes(bench: Bench) -> None:
    inbox = await two_halves(bench)
    bench.server.gate.clear()
    await bench.turns.step()
    await until(lambda: len(bench.server.runs) == 2)
    await until(lambda: _posted(inbox))
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(2,)]
    assert await inbox.sql("SELECT count(*) FROM event WHERE state = 'new' AND due_at > now()") == [(1,)]
    bench.server.gate.set()
    await until(lambda: not bench.turns._held)
    await inbox.sql("UPDATE event SET due_at = now()")
    await inbox.intake.step()
    assert await people(inbox) == [{"a", "b", "c"}]
    await bench.settle()
    assert await bench.replies() == ["a", "b", "c"]


async def _posted(inbox: Inbox) -> bool:
    return await inbox.sql("SELECT count(*) FROM turn WHERE state = 'open' AND run_id IS NOT NULL") == [(1,)]


async def test_a_run_in_the_older_thread_goes_on(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    bench.server.gate.clear()
    await inbox.take(by(MARIA, None, "a"))
    await bench.turns.step()
    await until(lambda: _posted(inbox))
    await inbox.take(by(None, OLD_ID, "b"), by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(1,)]
    bench.server.gate.set()
    await until(lambda: not bench.turns._held)
    await bench.settle()
    assert await bench.replies() == ["a", "b | c"]
    assert await inbox.sql("SELECT state, count(*) FROM turn GROUP BY 1") == [("done", 2)]


async def test_a_turn_without_a_run_is_undone_and_its_messages_wait_again(bench: Bench) -> None:
    inbox = await two_halves(bench)
    await inbox.sql(
        """WITH t AS (INSERT INTO turn (conversation_id) SELECT conversation_id FROM message WHERE awaits RETURNING id)
           UPDATE message SET turn_id = t.id, awaits = false FROM t WHERE awaits"""
    )
    await inbox.take(by(MARIA, OLD_ID, "c"))
    await bench.settle()
    assert await bench.replies() == ["a", "b | c"]


async def test_a_persons_hold_outlives_a_merge_and_silences_what_was_queued(bench: Bench) -> None:
    inbox = await two_halves(bench)
    await inbox.sql(
        "UPDATE conversation SET holder = 'person' WHERE created_at = (SELECT max(created_at) FROM conversation)"
    )
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT holder FROM conversation") == [("person",)]
    assert await inbox.sql("SELECT status FROM message WHERE direction = 'out'") == [("failed",)]


async def test_marketing_and_name_survive_a_merge(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"))
    await inbox.sql(
        """UPDATE contact SET marketing = 'stop', marketing_at = now(), name = 'Maria'
           WHERE created_at = (SELECT max(created_at) FROM contact)"""
    )
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT name, marketing FROM contact") == [("Maria", "stop")]


async def test_the_id_of_a_merged_contact_still_leads_to_the_history(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"), by(MARIA, OLD_ID, "c"))
    [(absorbed,)] = await inbox.sql("SELECT absorbed_id FROM contact_merge")
    app = Starlette(routes=Internal(inbox.pool, MemoryStore(), "secret").routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        headers = {"authorization": "Bearer secret"}
        answer = await client.get(f"/internal/customers/{absorbed}/history", headers=headers)
    assert [item["text"] for item in answer.json()["messages"]] == ["a", "b", "c"]


async def test_workers_that_meet_at_one_customer_lose_nothing(pool: Pool) -> None:
    one = Inbox(pool)
    workers = [one, Inbox(pool), Inbox(pool)]
    sets = [(MARIA, None), (None, OLD_ID), (MARIA, OLD_ID), ("551187654321", None)]
    for n in range(40):
        number, user = sets[n % 4]
        await _only_keep(one, by(number, user, str(n)))

    async def idle() -> bool:
        await asyncio.gather(*(worker.intake.step() for worker in workers))
        return await one.sql("SELECT count(*) FROM event WHERE state = 'new'") == [(0,)]

    await until(idle)
    assert await people(one) == [{str(n) for n in range(40)}]
    assert await one.sql("SELECT state, count(*) FROM event GROUP BY 1") == [("done", 40)]


async def _only_keep(inbox: Inbox, payload: dict[str, Any]) -> None:
    step, inbox.intake.step = inbox.intake.step, _nothing  # type: ignore[method-assign]
    await inbox.take(payload)
    inbox.intake.step = step  # type: ignore[method-assign]


async def _nothing() -> float:
    return 0.0
