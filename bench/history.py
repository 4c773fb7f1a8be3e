"""The cost of a long history: acks and claims after a million events, next to an empty database, in one run.

The history is as `gateway work` leaves it: processed events, answered turns, delivered messages. Both databases then
get the same work to do, and every operation is timed in turn on the one and on the other.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psycopg

from bench.deliveries import NUMBER, payload
from gateway.store import backlog
from gateway.store.database import Connection
from gateway.store.inbox import events
from gateway.store.migrate import migrate
from gateway.store.outbox import queue
from gateway.store.turns import turn_input, turns
from gateway.whatsapp.webhooks.items import items
from simulator.stack.postgres import Postgres

EVENTS = 1_000_000
CUSTOMERS = 50_000
TURNS = 250_000  # each with two messages in and two out: a million messages
WAITING = 200  # new events, due conversations and queued messages from which a claim chooses
ROUNDS = 100
WARM_UP = 10  # rounds until statements are prepared and pages in memory

_HISTORY = f"""
SET session_replication_role = replica;  -- the references are right by construction
SET synchronous_commit = off;
INSERT INTO event (key, field, type, phone_number_id, raw, state, received_at, processed_at)
SELECT 'msg:wamid.HISTORY' || n, 'messages', 'text', '{NUMBER}', convert_to(repeat('x', 400), 'UTF8'),
       CASE WHEN n % 1000 = 0 THEN 'unknown' WHEN n % 7 = 0 THEN 'ignored' ELSE 'done' END, at, at
FROM generate_series(1, {EVENTS}) n, LATERAL (SELECT now() - n * interval '2 s' AS at) t;
INSERT INTO contact (id, name) SELECT uuid_id('c', n), 'Maria' FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO contact_key (kind, value, contact_id)
SELECT 'wa_id', '55119' || lpad(n::text, 8, '0'), uuid_id('c', n) FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO conversation (id, channel_id, contact_id, last_inbound_at)
SELECT uuid_id('v', n), '{NUMBER}', uuid_id('c', n), now() FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO turn (id, conversation_id, state, started_at, ended_at)
SELECT uuid_id('t', n), uuid_id('v', 1 + n % {CUSTOMERS}), 'done', now(), now() FROM generate_series(1, {TURNS}) n;
INSERT INTO message (conversation_id, direction, author, wamid, type, content, turn_id, part, status, sent_at, pricing)
SELECT uuid_id('v', 1 + n % {CUSTOMERS}), CASE WHEN k < 2 THEN 'in' ELSE 'out' END,
       CASE WHEN k < 2 THEN 'customer' ELSE 'agent' END, 'wamid.HISTORY' || n || '.' || k, 'text',
       jsonb_build_object('type', 'text', 'text', repeat('palavra ', 20)), uuid_id('t', n),
       CASE WHEN k < 2 THEN NULL ELSE k - 2 END, CASE WHEN k < 2 THEN 'received' ELSE 'read' END, now(),
       CASE WHEN k < 2 THEN NULL ELSE '{{"billable": true, "category": "service"}}'::jsonb END
FROM generate_series(1, {TURNS}) n, generate_series(0, 3) k;
RESET session_replication_role;
RESET synchronous_commit;
"""
_IDS = "CREATE FUNCTION uuid_id(kind text, n bigint) RETURNS uuid IMMUTABLE RETURN md5(kind || n)::uuid"
_WORK = f"""
INSERT INTO event (key, field, type, phone_number_id, raw)
SELECT 'msg:wamid.NEW' || n, 'messages', 'text', '{NUMBER}', 'x' FROM generate_series(1, {WAITING}) n;
INSERT INTO contact (id) SELECT uuid_id('nc', n) FROM generate_series(1, 2 * {WAITING}) n;
INSERT INTO contact_key (kind, value, contact_id)
SELECT 'wa_id', '55118' || lpad(n::text, 8, '0'), uuid_id('nc', n) FROM generate_series(1, 2 * {WAITING}) n;
INSERT INTO conversation (id, channel_id, contact_id, last_inbound_at, due_at)
SELECT uuid_id('nv', n), '{NUMBER}', uuid_id('nc', n), now(), CASE WHEN n <= {WAITING} THEN now() END
FROM generate_series(1, 2 * {WAITING}) n;
INSERT INTO message (conversation_id, direction, author, wamid, type, content, awaits, status, sent_at)
SELECT uuid_id('nv', n), 'in', 'customer', 'wamid.NEW' || n, 'text', '{{"text": "Olá"}}', true, 'received', now()
FROM generate_series(1, {WAITING}) n;
INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
SELECT uuid_id('nv', n), 'out', 'agent', 'text', '{{"type": "text", "text": "Olá"}}', 'queued', now()
FROM generate_series({WAITING} + 1, 2 * {WAITING}) n;
"""

Operation = Callable[[Connection], Awaitable[object]]


async def _ack(conn: Connection) -> None:
    [item] = items(payload("5511900000000", "Olá"))
    await events.keep(conn, [events.row(replace(item, phone_number_id=NUMBER, waba_id=None))])


async def _claim_events(conn: Connection) -> None:
    async with conn.transaction():
        assert len(await events.claim(conn, 100)) == 100


async def _claim_turns(conn: Connection) -> None:
    claimed = await turns.claim(conn, 50, 15, [NUMBER])
    assert len(claimed) == 50
    for turn in claimed:
        await turn_input.read(conn, turn)


async def _claim_sends(conn: Connection) -> None:
    assert len(await queue.claim(conn, 64, 60, [NUMBER])) == 64


#: The timed operations, and the SQL that restores the state before the next round. Work is committed: a rollback would
#: also discard the prepared statements, and with them the plans that a worker uses.
OPERATIONS: dict[str, tuple[Operation, str]] = {
    "ack of one event": (_ack, ""),
    "claim of 100 events": (_claim_events, ""),
    "claim of 50 turns": (
        _claim_turns,
        """UPDATE message SET turn_id = NULL, awaits = true
           WHERE turn_id IN (SELECT id FROM turn WHERE state = 'open');
           DELETE FROM turn WHERE state = 'open';
           UPDATE conversation SET lease_owner = NULL, lease_until = NULL WHERE due_at IS NOT NULL""",
    ),
    "claim of 64 to send": (
        _claim_sends,
        "UPDATE message SET status = 'queued', attempts = 0, lease_until = NULL WHERE status = 'sending'",
    ),
    "what waits (metrics)": (backlog.count, ""),
}


async def timed(conn: Connection, operation: Operation, undo: str) -> float:
    """Return the milliseconds that an operation takes."""
    started = time.perf_counter()
    await operation(conn)
    took = 1000 * (time.perf_counter() - started)
    if undo:
        await conn.execute(undo.encode())
    return took


async def measure(empty: str, full: str) -> dict[str, tuple[float, float]]:
    """Return the median milliseconds of each operation on both databases, in turn."""
    results = {}
    async with (
        await psycopg.AsyncConnection.connect(empty, autocommit=True) as one,
        await psycopg.AsyncConnection.connect(full, autocommit=True) as other,
    ):
        for name, (operation, undo) in OPERATIONS.items():
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                for conn, list_ in zip((one, other), times, strict=True):
                    list_.append(await timed(conn, operation, undo))
            results[name] = (statistics.median(times[0][WARM_UP:]), statistics.median(times[1][WARM_UP:]))
    return results


def prepare(url: str, *, history: bool) -> None:
    """Create the schema, a history where wanted, and the waiting work."""
    migrate(url)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(_IDS)
        if history:
            conn.execute(_HISTORY.encode())
        conn.execute(_WORK.encode())
        conn.execute("VACUUM ANALYZE")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        with Postgres(Path(directory) / "postgres", durable=True) as postgres:
            empty, full = postgres.create_database("empty"), postgres.create_database("full")
            started = time.perf_counter()
            prepare(empty, history=False)
            prepare(full, history=True)
            print(f"{EVENTS:,} events, {4 * TURNS:,} messages, {CUSTOMERS:,} customers")
            print(f"made in {time.perf_counter() - started:.0f} s; medians of {ROUNDS} rounds, in turn")
            print(f"{'':<24}{'empty ms':>10}{'full ms':>10}{'ratio':>8}")
            for name, (less, more) in asyncio.run(measure(empty, full)).items():
                print(f"{name:<24}{less:>10.2f}{more:>10.2f}{more / less:>8.2f}")


if __name__ == "__main__":
    main()
