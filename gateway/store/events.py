"""The inbox: what Meta delivered, kept before it is acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from gateway.store.database import CHANNEL, EVENTS, Connection, notify


class NewEvent(NamedTuple):
    """An item of a webhook, ready to be kept."""

    key: str
    field: str
    type: str
    phone_number_id: str | None
    raw: bytes
    waba_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An item to be processed."""

    id: int
    key: str
    field: str
    type: str
    phone_number_id: str | None
    raw: bytes
    received_at: datetime
    waba_id: str | None = None


_KEEP = f"""
WITH kept AS (
    INSERT INTO event (key, field, type, phone_number_id, raw, waba_id)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[])
    ON CONFLICT (key) DO NOTHING)
SELECT pg_notify('{CHANNEL}', '{EVENTS}')
"""  # noqa: S608  # two constants of ours


async def keep(conn: Connection, events: Sequence[NewEvent]) -> None:
    """Insert events in this order; those that are there already stay as they are. Durable when it returns."""
    await conn.execute(_KEEP, tuple(list(column) for column in zip(*events, strict=True)))


async def claim(conn: Connection, limit: int) -> list[StoredEvent]:
    """Lock the oldest unprocessed events for this transaction."""
    async with conn.cursor(row_factory=class_row(StoredEvent)) as cursor:
        await cursor.execute(
            """SELECT id, key, field, type, phone_number_id, raw, received_at, waba_id FROM event
               WHERE state = 'new' AND (due_at IS NULL OR due_at <= now())
               ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
            (limit,),
        )
        return await cursor.fetchall()


async def defer(conn: Connection, event_id: int, seconds: float) -> None:
    """Leave an event unprocessed, to be looked at again after a while."""
    await conn.execute("UPDATE event SET due_at = now() + make_interval(secs => %s) WHERE id = %s", (seconds, event_id))


async def finish(conn: Connection, event_id: int, state: str, note: str | None = None) -> None:
    """Say what became of an event: done, ignored, unknown or failed."""
    await conn.execute(
        "UPDATE event SET state = %s, note = %s, processed_at = now() WHERE id = %s", (state, note, event_id)
    )


async def purge(conn: Connection, days: float, limit: int) -> int:
    """Delete events that were processed so many days ago; those kept as unknown or failed wait for a replay."""
    cursor = await conn.execute(
        """DELETE FROM event WHERE id IN (
               SELECT id FROM event WHERE state IN ('done', 'ignored')
                 AND processed_at < now() - make_interval(secs => %s)
               ORDER BY processed_at LIMIT %s FOR UPDATE SKIP LOCKED)""",
        (days * 86_400, limit),
    )
    return cursor.rowcount


async def replay(
    conn: Connection, states: Sequence[str], before: datetime, limit: int, *,
    kind: str | None = None, max_age_days: float | None = None,
) -> int:  # fmt: skip
    """Have events processed again that were last processed before a time, oldest first; how many there were.

    states: among unknown, failed, ignored.

    What an event did before it does not do twice: messages are known by their ids, statuses only move forward.
    """
    cursor = await conn.execute(
        """UPDATE event SET state = 'new', note = NULL, processed_at = NULL, due_at = NULL WHERE id IN (
               SELECT id FROM event WHERE state = ANY(%(states)s)
                 AND coalesce(processed_at, received_at) <= %(before)s
                 AND (%(kind)s::text IS NULL OR type = %(kind)s)
                 AND (%(days)s::float8 IS NULL OR received_at > now() - make_interval(secs => %(days)s * 86400))
               ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)""",
        {"states": list(states), "before": before, "kind": kind, "days": max_age_days, "limit": limit},
    )
    await notify(conn, EVENTS)
    return cursor.rowcount


_STATUSES = ("sent", "delivered", "read", "played", "failed")


async def reopen_statuses(conn: Connection, wamid: str) -> None:
    """Have statuses processed again that overtook the answer which told this id, and found no message."""
    keys = [f"st:{wamid}:{status}" for status in _STATUSES]
    await conn.execute("UPDATE event SET state = 'new' WHERE key = ANY(%s) AND state = 'ignored'", (keys,))
