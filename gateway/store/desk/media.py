"""Files of messages, with the conversation to which they belong."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class File:
    """A file. path: in the object store, None where it is not kept (any more), or its message was taken back."""

    conversation_id: UUID
    path: str | None
    mime_type: str | None
    filename: str | None


async def find(conn: Connection, media_id: UUID) -> File | None:
    """Return a file by its id."""
    async with conn.cursor(row_factory=class_row(File)) as cursor:
        await cursor.execute(
            """SELECT m.conversation_id, CASE WHEN m.revoked_at IS NULL THEN d.path END AS path, d.mime_type,
                      coalesce(m.content->'media'->>'filename', m.content->>'filename') AS filename
               FROM media d JOIN message m ON m.id = d.message_id WHERE d.id = %s AND m.group_id IS NULL""",
            (media_id,),
        )
        return await cursor.fetchone()
