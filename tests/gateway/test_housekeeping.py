"""Events that are old, events that are processed again, and the cost ledger."""

from datetime import UTC, datetime

import obstore
import pytest
from obstore.store import MemoryStore

from gateway import housekeeping
from gateway.housekeeping import Housekeeping
from gateway.store.conversations import QuietPeriod
from gateway.store.database import Pool, now
from gateway.store.inbox import events
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import text
from tests.gateway.support.desk import Desk, status
from tests.gateway.support.faults import poison


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


async def fill(desk: Desk, state: str, days: float, count: int) -> None:
    await desk.sql(
        """INSERT INTO event (key, field, type, raw, state, received_at, processed_at)
           SELECT gen_random_uuid()::text, 'messages', 'text', '', %s, at, at
           FROM generate_series(1, %s), LATERAL (SELECT now() - make_interval(secs => %s) AS at) t RETURNING 1""",
        state, count, days * 86_400,
    )  # fmt: skip


async def count(desk: Desk) -> dict[str, int]:
    return dict(await desk.sql("SELECT state, count(*) FROM event GROUP BY state"))


async def test_old_events_are_deleted_in_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_BATCH", 10)
    monkeypatch.setattr(housekeeping, "_BATCHES", 2)
    for state in ("done", "ignored", "unknown", "failed"):
        await fill(desk, state, 31, 15)
        await fill(desk, state, 29, 1)
    await fill(desk, "new", 31, 1)
    keeper = Housekeeping(desk.pool, desk.sender, QuietPeriod(0, 0), 30)
    assert await keeper.step() < 1
    assert sum((await count(desk)).values()) == 65 - 20
    assert await keeper.step() > 1
    assert await count(desk) == {"done": 1, "ignored": 1, "unknown": 16, "failed": 16, "new": 1}


async def test_what_is_kept_for_a_replay_has_an_age_too(desk: Desk) -> None:
    for state in ("done", "unknown", "failed"):
        await fill(desk, state, 181, 2)
        await fill(desk, state, 179, 1)
    keeper = Housekeeping(desk.pool, desk.sender, QuietPeriod(0, 0), 0, left_days=180)
    await keeper.step()
    assert await count(desk) == {"done": 3, "unknown": 1, "failed": 1}


async def test_files_of_messages_that_were_taken_back_are_deleted(desk: Desk) -> None:
    objects = MemoryStore()
    await desk.deliver(text("1"), text("2"))
    await desk.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, path, wait_until)
           SELECT m.id, '1', 'x', 'image', 'stored', 'file/' || (m.content->>'text') || n, now()
           FROM message m, generate_series(1, 2) n RETURNING 1"""
    )
    for name in ("file/11", "file/21", "file/22"):  # file/12 is gone already
        await obstore.put_async(objects, name, b"x")
    keeper = Housekeeping(desk.pool, desk.sender, QuietPeriod(0, 0), 0, objects=objects)
    await keeper.step()
    assert len(await obstore.list(objects).collect_async()) == 3
    await desk.sql("UPDATE message SET revoked_at = now() WHERE content->>'text' = '1' RETURNING 1")
    await keeper.step()
    assert sorted(one["path"] for one in await obstore.list(objects).collect_async()) == ["file/21", "file/22"]
    assert await desk.sql("SELECT path FROM media ORDER BY path NULLS FIRST") == [
        (None,), (None,), ("file/21",), ("file/22",),
    ]  # fmt: skip


async def test_or_never(desk: Desk) -> None:
    await fill(desk, "done", 1000, 3)
    await Housekeeping(desk.pool, desk.sender, QuietPeriod(0, 0), 0).step()
    assert await count(desk) == {"done": 3}


async def test_a_replay_does_nothing_twice(desk: Desk) -> None:
    await desk.deliver(text("Olá"))
    await desk.sql("UPDATE event SET state = 'failed' RETURNING 1")  # although it did its work
    async with desk.pool.connection() as conn:
        assert await events.replay(conn, ["failed"], datetime.now(UTC), 10) == 1
    await desk.intake.step()
    assert await desk.sql("SELECT count(*) FROM message") == [(1,)]
    assert "failed" not in await count(desk)


async def test_the_command_replays_what_is_asked_for(desk: Desk, database: str, command: Command) -> None:
    async def replay(*arguments: str) -> str:
        return (await command("replay", *arguments, DATABASE_URL=database))[1]

    await fill(desk, "unknown", 1, 2)
    await fill(desk, "failed", 10, 3)
    await fill(desk, "ignored", 1, 4)
    assert (await replay("--state", "failed", "--max-age-days", "5")).startswith("0 items")
    assert (await replay("--type", "image")).startswith("0 items")
    assert (await replay("--type", "text", "--max-age-days", "5")).startswith("2 items")
    assert (await replay()).startswith("3 items")
    assert (await replay("--state", "ignored")).startswith("4 items")
    assert await count(desk) == {"new": 9}
    assert (await replay("--state", "done")).startswith("gateway: there is no state done")


async def test_a_replay_ends_although_everything_fails_again(desk: Desk, database: str, command: Command) -> None:
    await fill(desk, "failed", 1, 3)
    async with desk.pool.connection() as conn:
        began = await now(conn)
        assert await events.replay(conn, ["failed"], began, 2) == 2
        await conn.execute("UPDATE event SET state = 'failed', processed_at = clock_timestamp() WHERE state = 'new'")
        assert await events.replay(conn, ["failed"], began, 2) == 1
        assert await events.replay(conn, ["failed"], began, 2) == 0


async def test_prices_become_a_ledger(desk: Desk, database: str, command: Command) -> None:
    await desk.queue("1", "2", "3")
    for _ in range(3):
        await desk.step()
    free = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "free_entry_point"}
    paid = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    for n, price in enumerate((free, paid, paid), start=1):
        await desk.deliver(statuses=[status("sent", f"wamid.OUT{n}", pricing=price)])
        await desk.deliver(statuses=[status("read", f"wamid.OUT{n}")])  # without a price: it stays
    rows = await desk.sql("SELECT category, type, billable, messages FROM cost_ledger ORDER BY billable")
    assert rows == [("service", "free_entry_point", False, 1), ("service", "regular", True, 2)]
    _, said = await command("costs", "--days", "2", DATABASE_URL=database)
    assert [line.split()[-2:] for line in said.splitlines()] == [["free", "1"], ["billed", "2"]]


async def test_a_duty_that_fails_keeps_no_other_from_being_done(desk: Desk) -> None:
    await poison(desk.pool, "message", "NEW.status = 'failed'")
    await desk.queue("1")
    await desk.sql(
        """UPDATE message SET status = 'uncertain', uncertain_at = now() - interval '1 day'
           WHERE direction = 'out' RETURNING 1"""
    )
    await fill(desk, "done", 31, 3)
    keeper = Housekeeping(desk.pool, Desk(desk.pool, resend=False).sender, QuietPeriod(0, 0), 30)
    await keeper.step()
    assert await count(desk) == {"done": 1}
