"""Changes in an order that skips nothing, for browsers that follow conversations.

A change carries the id of its transaction. Changes are read only up to the oldest transaction that still runs, because
one that began earlier and commits later would otherwise be behind a cursor that has passed it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from gateway.store.database import Connection

#: The name under which Postgres notifies of changes.
NOTIFICATIONS = "console"
_CURSOR = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")


class StaleCursorError(Exception):
    """The changes after this cursor are not all known any more, or the cursor is not ours: begin anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change. cursor: what to ask after for the changes that follow.

    kind: message, status, edit, conversation, note, tag, viewing, merged or gone; subject: the message, the note, the
    tag, the person who views, or the conversation that took this one in; state: the conversation's now, None: gone.
    """

    cursor: str
    conversation_id: UUID
    kind: str
    subject: UUID | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """Changes in order. cursor: of the last one; behind: there is more, which can be read now or in a moment."""

    changes: list[Change]
    cursor: str
    behind: bool


async def newest(conn: Connection) -> str:
    """Return a cursor: all that was committed before this call and can be seen is before it, all else after it."""
    cursor = await conn.execute(
        """SELECT coalesce((SELECT xid::text || '-' || id FROM change
                            WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid DESC, id DESC LIMIT 1),
                           (SELECT xid::text || '-' || id FROM change_horizon))"""
    )
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def after(conn: Connection, cursor: str, limit: int = 500) -> Read:
    """Return the changes after a cursor, at most so many.

    Raises:
        StaleCursorError: They are not all known.
    """
    xid, number = _parsed(cursor)
    async with conn.transaction():
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await _check(conn, xid, number)
        found = await conn.execute(
            """WITH news AS (SELECT xid, id, conversation_id, kind, subject FROM change
                   WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
                   ORDER BY xid, id LIMIT %s)
               SELECT n.xid::text || '-' || n.id, n.conversation_id, n.kind, n.subject, c.state
               FROM news n LEFT JOIN conversation c ON c.id = n.conversation_id ORDER BY n.xid, n.id""",
            (xid, number, limit),
        )
        changes = [Change(*row) for row in await found.fetchall()]
        later = changes[-1].cursor if changes else cursor
        # Not EXISTS of a later one: planned for any cursor, it reads the table from its beginning.
        rest = await conn.execute("SELECT xid::text || '-' || id FROM change ORDER BY xid DESC, id DESC LIMIT 1")
        row = await rest.fetchone()
        return Read(changes, later, row is not None and _place(row[0]) > _place(later))


def _parsed(cursor: str) -> tuple[str, int]:
    if not (parts := _CURSOR.fullmatch(cursor)) or int(parts[2]) >= 2**63:
        raise StaleCursorError
    return parts[1], int(parts[2])


def _place(cursor: str) -> tuple[int, int]:
    xid, number = _parsed(cursor)
    return int(xid), number


async def _check(conn: Connection, xid: str, number: int) -> None:
    """Raise StaleCursorError for a cursor of the future (of another server), or before changes that were deleted."""
    cursor = await conn.execute(
        """SELECT %(xid)s::text::xid8 > pg_snapshot_xmax(pg_current_snapshot())
               OR ((%(xid)s::text::xid8, %(id)s::bigint) < (h.xid, h.id)
                   AND h.xid < pg_snapshot_xmax(pg_current_snapshot())) FROM change_horizon h""",
        {"xid": xid, "id": number},
    )
    row = await cursor.fetchone()
    if row is None or row[0]:
        raise StaleCursorError


async def purge(conn: Connection, days: float, limit: int) -> int:
    """Delete changes that are older, at most so many, and note up to where; return how many."""
    async with conn.transaction():
        cursor = await conn.execute(
            """WITH gone AS (DELETE FROM change WHERE (xid, id) IN (
                   SELECT xid, id FROM change WHERE at < now() - make_interval(secs => %s) ORDER BY at LIMIT %s)
                   RETURNING xid, id),
               last AS (SELECT xid, id FROM gone ORDER BY xid DESC, id DESC LIMIT 1)
               UPDATE change_horizon h SET xid = last.xid, id = last.id FROM last
               WHERE (h.xid, h.id) < (last.xid, last.id) OR h.xid >= pg_snapshot_xmax(pg_current_snapshot())
               RETURNING (SELECT count(*) FROM gone)""",
            (days * 86_400, limit),
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0
