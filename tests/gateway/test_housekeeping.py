"""Events that are old, events that are processed again, and the cost ledger."""

import os
from datetime import UTC, datetime
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore
from prometheus_client import REGISTRY

from gateway import housekeeping
from gateway.housekeeping import Ages, Housekeeping
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime import telemetry
from gateway.runtime.object_store import open_store
from gateway.store.database import now
from gateway.store.inbox import events
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import text
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import status


@pytest.fixture
def database_role() -> str:
    """Return the role that the process has in production."""
    return "wa_gateway"


async def fill(gateway: Gateway, state: str, days: float, count: int) -> None:
    await gateway.sql(
        """INSERT INTO event (key, field, type, raw, state, received_at, processed_at)
           SELECT gen_random_uuid()::text, 'messages', 'text', '', %s, at, at
           FROM generate_series(1, %s), LATERAL (SELECT now() - make_interval(secs => %s) AS at) t RETURNING 1""",
        state, count, days * 86_400,
    )  # fmt: skip


async def count(gateway: Gateway) -> dict[str, int]:
    return dict(await gateway.sql("SELECT state, count(*) FROM event GROUP BY state"))


async def test_old_events_are_deleted_in_batches(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_MAX_EVENTS_PER_BATCH", 10)
    monkeypatch.setattr(housekeeping, "_MAX_BATCHES_PER_STEP", 2)
    for state in ("done", "ignored", "unknown", "failed"):
        await fill(gateway, state, 31, 15)
        await fill(gateway, state, 29, 1)
    await fill(gateway, "new", 31, 1)
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(events=30))
    assert await keeper.clean() < 1
    assert sum((await count(gateway)).values()) == 65 - 20
    assert await keeper.clean() > 1
    assert await count(gateway) == {"done": 1, "ignored": 1, "unknown": 16, "failed": 16, "new": 1}


async def test_what_is_kept_for_a_replay_has_an_age_too(gateway: Gateway) -> None:
    for state in ("done", "unknown", "failed"):
        await fill(gateway, state, 181, 2)
        await fill(gateway, state, 179, 1)
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(left=180))
    await keeper.clean()
    assert await count(gateway) == {"done": 3, "unknown": 1, "failed": 1}


async def test_files_of_messages_that_were_taken_back_are_deleted(gateway: Gateway) -> None:
    objects = MemoryStore()
    await gateway.receive(text("1"), text("2"))
    await gateway.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, path, wait_until)
           SELECT m.id, '1', 'x', 'image', 'stored', 'file/' || (m.content->>'text') || n, now()
           FROM message m, generate_series(1, 2) n RETURNING 1"""
    )
    for name in ("file/11", "file/21", "file/22"):  # file/12 is gone already
        await obstore.put_async(objects, name, b"x")
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(), objects=objects)
    await keeper.clean()
    assert len(await obstore.list(objects).collect_async()) == 3
    await gateway.sql("UPDATE message SET revoked_at = now() WHERE content->>'text' = '1' RETURNING 1")
    await keeper.clean()
    assert sorted(one["path"] for one in await obstore.list(objects).collect_async()) == ["file/21", "file/22"]
    assert await gateway.sql("SELECT path FROM media ORDER BY path NULLS FIRST") == [
        (None,), (None,), ("file/21",), ("file/22",),
    ]  # fmt: skip


AGE = """UPDATE message SET created_at = now() - interval '%s days', turn_id = NULL, awaits = false
         WHERE content->>'text' = '%s' RETURNING 1"""


async def test_old_messages_are_deleted_with_all_that_tells_of_them(gateway: Gateway) -> None:
    objects = MemoryStore()
    await gateway.receive(text("antiga"), text("nova"))
    await gateway.sql(AGE % (366, "antiga"))
    await gateway.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, path, wait_until, created_at)
           SELECT id, '1', 'x', 'image', 'stored', 'file/' || (content->>'text'), now(), created_at
           FROM message RETURNING 1"""
    )
    await gateway.sql(
        """INSERT INTO note (conversation_id, person_name, text, created_at)
           SELECT id, 'Ana', n || ' dias', now() - make_interval(days => n)
           FROM conversation, unnest(ARRAY[364, 366]) n RETURNING 1"""
    )
    for name in ("file/antiga", "file/nova"):
        await obstore.put_async(objects, name, b"x")
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(messages=365), objects=objects)
    await keeper.clean()
    assert await gateway.sql("SELECT content->>'text' FROM message") == [("nova",)]
    assert await gateway.sql("SELECT text FROM note") == [("364 dias",)]
    assert [one["path"] for one in await obstore.list(objects).collect_async()] == ["file/nova"]
    assert await gateway.sql("SELECT last_text FROM conversation") == [("nova",)]
    await gateway.sql(AGE % (366, "nova"))
    await gateway.sql("UPDATE media SET created_at = now() - interval '366 days' RETURNING 1")
    await gateway.sql("UPDATE conversation SET last_at = now() - interval '366 days' RETURNING 1")
    await keeper.clean()
    assert await gateway.sql("SELECT (SELECT count(*) FROM message), last_text FROM conversation") == [(0, None)]


NOBODY, ASKED_TODAY, NO_MARKETING, LOGGED, WROTE, HAS_NOTE, ERASED = (f"55119000000{n:02}" for n in range(7))
OLD_CONTACTS = """
    WITH c AS (INSERT INTO contact (name, created_at, marketing)
               SELECT n, now() - interval '400 days', CASE n WHEN %(marketing)s THEN 'stop' END
               FROM unnest(%(numbers)s::text[]) n RETURNING id, name),
         k AS (INSERT INTO contact_key (contact_id, kind, value, heard_at)
               SELECT id, 'wa_id', name, now() - interval '400 days' FROM c)
    INSERT INTO conversation (contact_id, channel_id, last_at) SELECT id, '1', now() - interval '400 days' FROM c
    RETURNING 1"""
LEFT = {
    ASKED_TODAY: "UPDATE contact_key SET heard_at = now() WHERE contact_id = %s",
    LOGGED: "INSERT INTO consent (contact_id, choice, said_at) VALUES (%s, 'signup', now())",
    WROTE: """INSERT INTO message (conversation_id, direction, author, type, content, status)
              SELECT id, 'in', 'customer', 'text', '{}', 'received' FROM conversation WHERE contact_id = %s""",
    HAS_NOTE: """INSERT INTO note (conversation_id, person_name, text)
                 SELECT id, 'Ana', 'x' FROM conversation WHERE contact_id = %s""",
    ERASED: "INSERT INTO data_request (kind, contact_id, asked_by) VALUES ('erase', %s, 'command')",
}


async def test_customers_of_whom_nothing_is_left_are_deleted(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step looks at some of them, and the next step at the others."""
    monkeypatch.setattr(housekeeping, "_MAX_CONTACTS_PER_STEP", 4)
    numbers = {"numbers": [NOBODY, NO_MARKETING, *LEFT], "marketing": NO_MARKETING}
    async with gateway.pool.connection() as conn:
        await conn.execute(OLD_CONTACTS, numbers)
        for number, statement in LEFT.items():
            await conn.execute(
                f"WITH done AS ({statement} RETURNING 1) SELECT * FROM done",
                await (await conn.execute("SELECT id FROM contact WHERE name = %s", (number,))).fetchone(),
            )
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(contacts=365))
    for _ in range(2):
        await keeper.clean()
    assert {name for (name,) in await gateway.sql("SELECT name FROM contact")} == {NO_MARKETING, *LEFT}
    assert await gateway.sql("SELECT count(*) FROM contact_key WHERE value = %s", NOBODY) == [(0,)]
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(6,)]


async def test_an_old_message_that_waits_is_kept(gateway: Gateway) -> None:
    await gateway.receive(text("espera"))
    await gateway.queue("não enviada")
    await gateway.sql("UPDATE message SET created_at = now() - interval '366 days' RETURNING 1")
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(messages=365))
    await keeper.clean()
    texts = {one for (one,) in await gateway.sql("SELECT content->>'text' FROM message")}
    assert texts >= {"espera", "não enviada"}
    await gateway.sql("UPDATE message SET status = 'failed', awaits = false RETURNING 1")
    await keeper.clean()
    assert await gateway.sql("SELECT count(*) FROM message") == [(0,)]


async def test_a_template_outlives_the_reply_that_it_stood_for(gateway: Gateway) -> None:
    first, second = await gateway.queue("resposta", "modelo")
    await gateway.sql("UPDATE message SET status = 'failed' WHERE direction = 'out' RETURNING 1")
    await gateway.sql("UPDATE message SET replaces = %s WHERE id = %s RETURNING 1", first, second)
    await gateway.sql("UPDATE message SET created_at = now() - interval '366 days' WHERE id = %s RETURNING 1", first)
    await Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(messages=365)).clean()
    assert await gateway.sql("SELECT id::text, replaces FROM message WHERE direction = 'out'") == [(second, None)]


async def test_old_files_are_deleted_and_their_messages_stay(gateway: Gateway) -> None:
    objects = MemoryStore()
    await gateway.receive(text("1"))
    await gateway.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, path, wait_until, created_at)
           SELECT m.id, '1', 'x', 'image', 'stored', 'file/' || n, now(), now() - make_interval(days => n)
           FROM message m, unnest(ARRAY[29, 31]) n RETURNING 1"""
    )
    for name in ("file/29", "file/31"):
        await obstore.put_async(objects, name, b"x")
    ages = Ages(messages=365, files=30)
    await Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), ages, objects=objects).clean()
    assert [one["path"] for one in await obstore.list(objects).collect_async()] == ["file/29"]
    assert await gateway.sql("SELECT count(*) FROM message") == [(1,)]


async def test_drafts_that_nobody_has_changed_for_long_are_deleted_in_batches(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_MAX_DRAFTS_PER_STEP", 2)
    await gateway.receive(text("oi"))
    await gateway.sql(
        """WITH ana AS (INSERT INTO person (login, name, role)
                        SELECT 'ana' || n, 'Ana', 'attendant' FROM generate_series(88, 93) n RETURNING id, login)
           INSERT INTO draft (person_id, conversation_id, mode, text, changed_at)
           SELECT ana.id, c.id, 'reply', login, now() - make_interval(days => substr(login, 4)::int)
           FROM ana, conversation c RETURNING 1"""
    )
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(drafts=90))
    for kept in (4, 2, 2):
        await keeper.clean()
        assert await gateway.sql("SELECT count(*) FROM draft") == [(kept,)]
    assert await gateway.sql("SELECT min(text), max(text) FROM draft") == [("ana88", "ana89")]


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_files_that_a_killed_process_did_not_finish_are_deleted_after_a_day(
    gateway: Gateway, tmp_path: Path
) -> None:
    names = ("exports/a.zip", "exports/a.zip#1", "exports/new.zip#1", "2026/01/b#12", "2026/01/c#x")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
        if "new" not in name:
            os.utime(tmp_path / name, (1_700_000_000, 1_700_000_000))
    objects = open_store(tmp_path.as_uri())
    await Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages(), objects=objects).clean()
    assert _files(tmp_path) == {"exports/a.zip", "exports/new.zip#1", "2026/01/c#x"}


async def test_or_never(gateway: Gateway) -> None:
    await fill(gateway, "done", 1000, 3)
    await Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages()).clean()
    assert await count(gateway) == {"done": 3}


async def test_a_replay_does_nothing_twice(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE event SET state = 'failed' RETURNING 1")  # although it did its work
    async with gateway.pool.connection() as conn:
        assert await events.replay(conn, ["failed"], datetime.now(UTC), 10) == 1
    await gateway.intake.step()
    assert await gateway.sql("SELECT count(*) FROM message") == [(1,)]
    assert "failed" not in await count(gateway)


async def test_the_command_replays_what_is_asked_for(gateway: Gateway, database: str, command: Command) -> None:
    async def replay(*arguments: str) -> str:
        return (await command("replay", *arguments, DATABASE_URL=database))[1]

    await fill(gateway, "unknown", 1, 2)
    await fill(gateway, "failed", 10, 3)
    await fill(gateway, "ignored", 1, 4)
    assert (await replay("--state", "failed", "--max-age-days", "5")).startswith("0 items")
    assert (await replay("--type", "image")).startswith("0 items")
    assert (await replay("--type", "text", "--max-age-days", "5")).startswith("2 items")
    assert (await replay()).startswith("3 items")
    assert (await replay("--state", "ignored")).startswith("4 items")
    assert await count(gateway) == {"new": 9}
    assert (await replay("--state", "done")).startswith("gateway: there is no state done")


async def test_a_replay_ends_although_everything_fails_again(gateway: Gateway, database: str, command: Command) -> None:
    await fill(gateway, "failed", 1, 3)
    async with gateway.pool.connection() as conn:
        began = await now(conn)
        assert await events.replay(conn, ["failed"], began, 2) == 2
        await conn.execute("UPDATE event SET state = 'failed', processed_at = clock_timestamp() WHERE state = 'new'")
        assert await events.replay(conn, ["failed"], began, 2) == 1
        assert await events.replay(conn, ["failed"], began, 2) == 0


async def test_prices_become_a_ledger(gateway: Gateway, database: str, command: Command) -> None:
    await gateway.queue("1", "2", "3")
    for _ in range(3):
        await gateway.send()
    free = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "free_entry_point"}
    paid = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    for n, price in enumerate((free, paid, paid), start=1):
        await gateway.receive(statuses=[status("sent", f"wamid.OUT{n}", pricing=price)])
        await gateway.receive(statuses=[status("read", f"wamid.OUT{n}")])  # without a price: it stays
    rows = await gateway.sql("SELECT category, type, billable, messages FROM cost_ledger ORDER BY billable")
    assert rows == [("service", "free_entry_point", False, 1), ("service", "regular", True, 2)]
    _, said = await command("costs", "--days", "2", DATABASE_URL=database)
    assert [line.split()[-2:] for line in said.splitlines()] == [["free", "1"], ["billed", "2"]]


async def test_a_duty_that_fails_keeps_no_other_from_being_done(gateway: Gateway) -> None:
    await poison(gateway.pool, "message", "NEW.status = 'failed'")
    await gateway.queue("1")
    await gateway.sql(
        """UPDATE message SET status = 'uncertain', uncertain_at = now() - interval '1 day'
           WHERE direction = 'out' RETURNING 1"""
    )
    telemetry.UNCERTAIN.set(0)
    await Housekeeping(gateway.pool, Gateway(gateway.pool, resend=False).sender, QuietPeriod(0, 0), Ages()).step()
    assert REGISTRY.get_sample_value("whatsapp_messages_uncertain") == 1


async def test_the_times_of_backups_are_exported_and_those_that_never_were_are_very_old(gateway: Gateway) -> None:
    keeper = Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages())
    await keeper.clean()
    name = "whatsapp_backup_timestamp_seconds"
    assert [REGISTRY.get_sample_value(name, {"kind": one}) for one in ("backup", "drill")] == [0, 0]


async def test_open_requests_about_personal_data_are_counted_with_their_age(gateway: Gateway) -> None:
    await gateway.sql(
        """INSERT INTO data_request (kind, state, asked_by, asked_at, contact_id)
           SELECT 'erase', state, 'customer', now() - make_interval(secs => n * 100), gen_random_uuid()
           FROM unnest(ARRAY['asked', 'asked', 'done']) WITH ORDINALITY s(state, n) RETURNING 1"""
    )
    await Housekeeping(gateway.pool, gateway.sender, QuietPeriod(0, 0), Ages()).clean()
    asked, exported = ({"kind": kind, "state": "asked"} for kind in ("erase", "export"))
    assert REGISTRY.get_sample_value("whatsapp_data_requests", asked) == 2
    assert 200 <= (REGISTRY.get_sample_value("whatsapp_data_request_age_seconds", asked) or 0) < 260
    assert REGISTRY.get_sample_value("whatsapp_data_requests", exported) == 0
