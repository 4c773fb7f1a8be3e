"""Files of messages that are about to be sent: where they are, and their ids at Meta."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.outbox.queue import Outbound


@dataclass(frozen=True, slots=True)
class OutboundFile:
    """A file. path: in the object store; remote_id: Meta's, where Meta got it within the days for which it keeps it."""

    id: UUID
    path: str | None
    mime_type: str
    remote_id: str | None


async def of(conn: Connection, message_id: UUID, kept_days: int) -> OutboundFile | None:
    """Return the file of a message. kept_days: for which Meta keeps uploads."""
    async with conn.cursor(row_factory=class_row(OutboundFile)) as cursor:
        await cursor.execute(
            """SELECT id, path, mime_type,
                      CASE WHEN uploaded_at > now() - make_interval(days => %s) THEN remote_id END AS remote_id
               FROM media WHERE message_id = %s AND status = 'stored' LIMIT 1""",
            (kept_days, message_id),
        )
        return await cursor.fetchone()


async def lease(conn: Connection, message: Outbound, seconds: float) -> bool:
    """Keep a message for so long while its file goes to Meta; return False where another sender has it."""
    cursor = await conn.execute(
        """UPDATE message SET lease_until = now() + make_interval(secs => %s)
           WHERE id = %s AND status = 'sending' AND attempts = %s""",
        (seconds, message.id, message.attempts),
    )
    return bool(cursor.rowcount)


async def uploaded(conn: Connection, file_id: UUID, remote_id: str) -> None:
    """Note Meta's id of a file."""
    await conn.execute("UPDATE media SET remote_id = %s, uploaded_at = now() WHERE id = %s", (remote_id, file_id))
