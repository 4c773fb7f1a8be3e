"""The customer's choice on marketing messages, which is stored with the contact."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from gateway.store.database import Connection


async def set_choice(conn: Connection, contact_id: UUID, word: str, at: datetime) -> None:
    """Store the customer's choice on marketing (`stop`, `resume`, `signup`), unless a later choice is known; log it."""
    await conn.execute(
        "INSERT INTO consent (contact_id, choice, said_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (contact_id, word, at),
    )
    await conn.execute(
        """UPDATE contact SET marketing = %s, marketing_at = %s
           WHERE id = %s AND (marketing_at IS NULL OR marketing_at <= %s)""",
        (word, at, contact_id, at),
    )


async def is_stopped(conn: Connection, contact_id: UUID) -> bool:
    """Return whether the customer's last choice on marketing is `stop`."""
    cursor = await conn.execute("SELECT FROM contact WHERE id = %s AND marketing = 'stop'", (contact_id,))
    return bool(cursor.rowcount)


async def purge(conn: Connection, days: float, limit: int) -> int:
    """Delete logged choices that are older than so many days, at most so many; the last one stays with the contact."""
    cursor = await conn.execute(
        """DELETE FROM consent WHERE id IN (
               SELECT id FROM consent WHERE said_at < now() - make_interval(secs => %s) ORDER BY said_at LIMIT %s)""",
        (days * 86_400, limit),
    )
    return cursor.rowcount
