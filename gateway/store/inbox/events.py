"""The inbox: items of webhooks, kept before they are acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from psycopg import sql
from psycopg.rows import class_row

from gateway.store.database import EVENTS, Connection, notified, notify
from gateway.whatsapp.json_bytes import Json, decode, encode
from gateway.whatsapp.webhooks.items import Item


@dataclass(frozen=True, slots=True)
class StoredItem:
    """The row of an item that is to be processed; its columns of the same names are the item's.

    raw: its value, encoded; verified: as it was known when the item came; attempts: earlier looks, which did not settle
    it; age: seconds since it came.
    """

    id: int
    key: str
    field: str
    type: str
    phone_number_id: str | None
    waba_id: str | None
    raw: bytes
    signer: str | None
    verified: bool
    received_at: datetime
    attempts: int
    age: float
    state: str = "new"

    def item(self) -> Item:
        """Return the item. A method and no part of `claim`: one row that cannot be decoded must not stop a batch.

        Raises:
            ValueError: The raw form is nested too deeply to be decoded.
        """
        value = cast("Json", decode(self.raw))
        return Item(
            self.key, self.field, self.type, self.phone_number_id, self.waba_id, value, self.signer, self.verified
        )


class Row(NamedTuple):
    """An item as it is kept, in the order of the statement's columns. raw: its value, encoded."""

    key: str
    field: str
    type: str
    phone_number_id: str | None
    raw: bytes
    waba_id: str | None
    signer: str | None
    verified: bool


def row(item: Item) -> Row:
    """Return an item as it is kept."""
    return Row(
        item.key, item.field, item.type, item.phone_number_id, encode(item.value),
        item.waba_id, item.signer, item.verified,
    )  # fmt: skip


_COLUMNS = """id, key, field, type, phone_number_id, raw, received_at, waba_id, signer, verified, attempts, state,
              extract(epoch FROM now() - received_at)::float8 AS age"""
_KEEP = f"""
WITH kept AS (
    INSERT INTO event (key, field, type, phone_number_id, raw, waba_id, signer, verified)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[], %b::text[],
                         %b::bool[])
    ON CONFLICT (key) DO NOTHING)
SELECT {notified(EVENTS)}
"""  # noqa: S608  # two constants of ours


async def keep(conn: Connection, rows: Sequence[Row]) -> None:
    """Insert rows in this order, durable on return; the row of a known key stays as it is."""
    await conn.execute(_KEEP, tuple(list(column) for column in zip(*rows, strict=True)))


async def bounds(conn: Connection) -> tuple[int, int]:
    """Return the id before that of the oldest item, and the id of the newest one; both 0 where there is none."""
    row = await (await conn.execute("SELECT min(id) - 1, max(id) FROM event")).fetchone()
    return (row[0] or 0, row[1] or 0) if row else (0, 0)


async def mentioning(conn: Connection, names: Sequence[str], after: int, last: int) -> list[StoredItem]:
    """Return the items with ids after one and up to another whose raw form has one of these ASCII strings in it."""
    async with conn.cursor(row_factory=class_row(StoredItem)) as cursor:
        await cursor.execute(
            f"""SELECT {_COLUMNS} FROM event WHERE id > %s AND id <= %s AND EXISTS (
                    SELECT FROM unnest(%s::bytea[]) name WHERE position(name IN raw) > 0)""",  # noqa: S608  # ours
            (after, last, [name.encode() for name in names]),
        )
        return await cursor.fetchall()


async def drop(conn: Connection, ids: Sequence[int]) -> None:
    """Delete items."""
    await conn.execute("DELETE FROM event WHERE id = ANY(%s)", (list(ids),))


async def forget_raw(conn: Connection, event_id: int) -> None:
    """Delete the raw form of an item; it is not processed any more."""
    await conn.execute("UPDATE event SET raw = '' WHERE id = %s", (event_id,))


async def claim(conn: Connection, limit: int) -> list[StoredItem]:
    """Lock the oldest unprocessed items for this transaction; at most half of them are deferred ones."""
    async with conn.cursor(row_factory=class_row(StoredItem)) as cursor:
        await cursor.execute(
            f"""WITH deferred AS MATERIALIZED (
                    SELECT {_COLUMNS} FROM event WHERE state = 'new' AND due_at <= now()
                    ORDER BY due_at LIMIT %(limit)s / 2 FOR UPDATE SKIP LOCKED),
                fresh AS MATERIALIZED (
                    SELECT {_COLUMNS} FROM event WHERE state = 'new' AND due_at IS NULL
                    ORDER BY id LIMIT %(limit)s - (SELECT count(*) FROM deferred) FOR UPDATE SKIP LOCKED)
                SELECT * FROM deferred UNION ALL SELECT * FROM fresh""",  # noqa: S608  # ours
            {"limit": limit},
        )
        return await cursor.fetchall()


async def defer(conn: Connection, event_id: int, seconds: float, note: str | None = None) -> None:
    """Have an item processed again after a while; note: the reason."""
    await conn.execute(
        """UPDATE event SET due_at = now() + make_interval(secs => %s), note = %s, attempts = attempts + 1
           WHERE id = %s""",
        (seconds, note, event_id),
    )


async def any_left(conn: Connection) -> bool:
    """Return whether an item waits for its time, or is being processed by another worker, which may die."""
    cursor = await conn.execute(
        """SELECT WHERE EXISTS (SELECT FROM event WHERE state = 'new' AND due_at IS NOT NULL)
                     OR EXISTS (SELECT FROM event WHERE state = 'new' AND due_at IS NULL)"""
    )
    return bool(cursor.rowcount)


async def verify(conn: Connection, rules: Sequence[tuple[str | None, str | None, str]]) -> int:
    """Have items processed now that one of these secrets signed, and that waited for it; return their number.

    rules: number, account and signer, as in `gateway.numbers.signers`. Locked rows are skipped until the next call.
    """
    numbers, accounts, signers = ([rule[column] for rule in rules] for column in range(3))
    cursor = await conn.execute(
        """UPDATE event SET verified = true, due_at = now() WHERE id IN (
               SELECT id FROM event
               WHERE state = 'new' AND due_at IS NOT NULL AND NOT verified AND EXISTS (
                   SELECT FROM unnest(%s::text[], %s::text[], %s::text[]) rule (number, account, name)
                   WHERE event.signer = name AND event.phone_number_id IS NOT DISTINCT FROM number
                     AND (account IS NULL OR account = event.waba_id))
               FOR UPDATE SKIP LOCKED)""",
        (numbers, accounts, signers),
    )
    if cursor.rowcount:
        await notify(conn, EVENTS)
    return cursor.rowcount


async def waiting(conn: Connection, notes: Sequence[str]) -> tuple[int, float]:
    """Return the number of items that wait for one of these reasons, and the age of the oldest (seconds)."""
    cursor = await conn.execute(
        """SELECT count(*), coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8
           FROM event WHERE state = 'new' AND due_at IS NOT NULL AND note = ANY(%s)""",
        (list(notes),),
    )
    return await cursor.fetchone() or (0, 0.0)


async def settle(conn: Connection, outcomes: Sequence[tuple[int, str, str | None]]) -> None:
    """Store the outcomes of items: id, state (done, ignored, unknown or failed) and note."""
    if not outcomes:
        return
    await conn.execute(
        """UPDATE event e SET state = o.state, note = o.note, processed_at = now()
           FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS o(id, state, note) WHERE e.id = o.id""",
        tuple(list(column) for column in zip(*outcomes, strict=True)),
    )


PROCESSED = ("done", "ignored")
LEFT = ("unknown", "failed")


async def purge(conn: Connection, states: Sequence[str], days: float, limit: int) -> int:
    """Delete items of these states that were processed so many days ago; return their number."""
    # Our own constants: written into the statement, so that the partial index of these states serves it.
    named = sql.SQL(", ").join(sql.Literal(state) for state in states)
    cursor = await conn.execute(
        sql.SQL(
            """DELETE FROM event WHERE id IN (
                   SELECT id FROM event WHERE state IN ({}) AND processed_at < now() - make_interval(secs => %s)
                   ORDER BY processed_at LIMIT %s FOR UPDATE SKIP LOCKED)"""
        ).format(named),
        (days * 86_400, limit),
    )
    return cursor.rowcount


async def replay(
    conn: Connection, states: Sequence[str], before: datetime, limit: int, *,
    kind: str | None = None, max_age_days: float | None = None,
) -> int:  # fmt: skip
    """Have items processed again that were last processed before a time, oldest first; return their number.

    states: among unknown, failed, ignored. Effects are not repeated: messages are known by their ids, statuses only
    move forward.
    """
    cursor = await conn.execute(
        """UPDATE event SET state = 'new', note = NULL, processed_at = NULL, due_at = NULL, attempts = 0 WHERE id IN (
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
    """Have statuses processed at once that came before the answer with this id, and found no message.

    Locked rows are skipped: a status that is being processed now is processed again by itself.
    """
    keys = [f"st:{wamid}:{status}" for status in _STATUSES]
    await conn.execute(
        f"""WITH reopened AS (
                UPDATE event SET state = 'new', note = NULL, due_at = NULL, attempts = 0 WHERE id IN (
                    SELECT id FROM event
                    WHERE key = ANY(%s) AND (state = 'ignored' OR (state = 'new' AND due_at > now()))
                    FOR UPDATE SKIP LOCKED) RETURNING 1)
            SELECT {notified(EVENTS)} WHERE EXISTS (SELECT FROM reopened)""",  # noqa: S608  # constants
        (keys,),
    )
