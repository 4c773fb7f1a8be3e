"""Customers of whom nothing is left: no message, turn or note, and nobody wrote from their numbers for long."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from gateway.store.database import Connection

FIRST = UUID(int=0)

# A customer who wants no marketing stays, so that a number of a list of the company is still known as theirs.
_EMPTY = """
    created_at < now() - make_interval(secs => %(age)s) AND marketing IS DISTINCT FROM 'stop'
    AND NOT EXISTS (SELECT FROM contact_key k WHERE k.contact_id = c.id
                      AND k.heard_at >= now() - make_interval(secs => %(age)s))
    AND NOT EXISTS (SELECT FROM consent o WHERE o.contact_id = c.id)
    AND NOT EXISTS (SELECT FROM data_request r WHERE r.contact_id = c.id
                      AND (r.state IN ('asked', 'waiting', 'unfinished') OR r.path IS NOT NULL))
    AND NOT EXISTS (
        SELECT FROM conversation v WHERE v.contact_id = c.id AND (
            v.last_at >= now() - make_interval(secs => %(age)s)
            OR EXISTS (SELECT FROM message m WHERE m.conversation_id = v.id)
            OR EXISTS (SELECT FROM turn t WHERE t.conversation_id = v.id)
            OR EXISTS (SELECT FROM note n WHERE n.conversation_id = v.id)
            OR EXISTS (SELECT FROM upload u WHERE u.conversation_id = v.id)))"""


async def purge(conn: Connection, days: float, after: UUID, limit: int) -> UUID:
    """Delete the empty ones among the next customers in the order of ids; return where to go on: FIRST at the end.

    Their conversations, keys and merges go with them. limit: customers that are looked at.
    """
    cursor = await conn.execute("SELECT id FROM contact WHERE id > %s ORDER BY id LIMIT %s", (after, limit))
    ids = [row[0] for row in await cursor.fetchall()]
    async with conn.transaction():
        locked = await _empty(conn, days, ids, lock=True)
        gone = await _empty(conn, days, locked)  # once more: a message may have come before the lock
        await conn.execute("DELETE FROM conversation WHERE contact_id = ANY(%s)", (gone,))
        await conn.execute("DELETE FROM contact_merge WHERE kept_id = ANY(%s)", (gone,))
        await conn.execute("DELETE FROM contact WHERE id = ANY(%s)", (gone,))
    return ids[-1] if len(ids) == limit else FIRST


async def _empty(conn: Connection, days: float, ids: Sequence[UUID], *, lock: bool = False) -> list[UUID]:
    if not ids:
        return []
    end = "FOR UPDATE SKIP LOCKED" if lock else ""
    given = {"ids": list(ids), "age": days * 86_400}
    cursor = await conn.execute(f"SELECT id FROM contact c WHERE id = ANY(%(ids)s) AND {_EMPTY} {end}", given)  # noqa: S608  # constants
    return [row[0] for row in await cursor.fetchall()]
