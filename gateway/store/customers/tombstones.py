"""Hashes of the keys of erased people, each with a time: what the person sent before then is not taken any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from gateway.store.database import Connection


async def add(conn: Connection, marks: Mapping[bytes, datetime]) -> None:
    """Add hashes with their times; of two times of a hash the later one counts."""
    await conn.execute(
        """INSERT INTO tombstone AS t (hash, sent_before)
           SELECT * FROM unnest(%s::bytea[], %s::timestamptz[])
           ON CONFLICT (hash) DO UPDATE SET sent_before = greatest(t.sent_before, excluded.sent_before),
                                            made_at = now()""",
        (list(marks), list(marks.values())),
    )


async def newest(conn: Connection) -> datetime | None:
    """Return the latest of all times; None: nobody was erased."""
    row = await (await conn.execute("SELECT max(sent_before) FROM tombstone")).fetchone()
    return row[0] if row else None


async def sent_before(conn: Connection, hashes: Sequence[bytes]) -> datetime | None:
    """Return the latest time of these hashes; None: none of them is an erased person's."""
    cursor = await conn.execute("SELECT max(sent_before) FROM tombstone WHERE hash = ANY(%s)", (list(hashes),))
    row = await cursor.fetchone()
    return row[0] if row else None


async def keys_after(
    conn: Connection, after: tuple[str, str, UUID], limit: int
) -> list[tuple[str, str, UUID, datetime]]:
    """Return the next numbers and user ids of contacts: kind, value, contact, and since when the contact exists."""
    cursor = await conn.execute(
        """SELECT k.kind, k.value, k.contact_id, c.created_at FROM contact_key k JOIN contact c ON c.id = k.contact_id
           WHERE k.kind IN ('wa_id', 'user_id') AND (k.kind, k.value, k.contact_id) > (%s, %s, %s)
           ORDER BY k.kind, k.value, k.contact_id LIMIT %s""",
        (*after, limit),
    )
    return await cursor.fetchall()


async def purge(conn: Connection, days: float, limit: int) -> list[bytes]:
    """Delete tombstones that are older than so many days, at most so many; return their hashes."""
    cursor = await conn.execute(
        """DELETE FROM tombstone WHERE hash IN (
               SELECT hash FROM tombstone WHERE made_at < now() - make_interval(secs => %s) ORDER BY made_at LIMIT %s)
           RETURNING hash""",
        (days * 86_400, limit),
    )
    return [row[0] for row in await cursor.fetchall()]
