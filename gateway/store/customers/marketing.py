"""The customer's choice on marketing messages, which is stored with the contact."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from gateway.store.database import Connection


async def set_choice(conn: Connection, contact_id: UUID, word: str, at: datetime) -> None:
    """Store the customer's choice on marketing (`stop`, `resume`, `signup`), unless a later choice is known."""
    await conn.execute(
        """UPDATE contact SET marketing = %s, marketing_at = %s
           WHERE id = %s AND (marketing_at IS NULL OR marketing_at <= %s)""",
        (word, at, contact_id, at),
    )


async def is_stopped(conn: Connection, contact_id: UUID) -> bool:
    """Return whether the customer's last choice on marketing is `stop`."""
    cursor = await conn.execute("SELECT FROM contact WHERE id = %s AND marketing = 'stop'", (contact_id,))
    return bool(cursor.rowcount)
