"""Files that people attach: kept until they are sent, then part of a message."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

#: Files that a person may have attached in a conversation, or uploaded for canned replies, and not used.
MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in the object store under `path`. kind: image, audio, video or document; size: bytes."""

    id: UUID
    conversation_id: UUID
    person_id: UUID
    path: str
    kind: str
    mime_type: str
    size: int
    filename: str


async def add(conn: Connection, upload: Upload) -> None:
    """Note a file that a person has attached."""
    await conn.execute(
        """INSERT INTO upload (id, conversation_id, person_id, path, kind, mime_type, size, filename)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            upload.id, upload.conversation_id, upload.person_id, upload.path, upload.kind, upload.mime_type,
            upload.size, upload.filename,
        ),
    )  # fmt: skip


async def of(conn: Connection, conversation_id: UUID, person_id: UUID, ids: Collection[UUID] = ()) -> list[Upload]:
    """Return these files that a person has attached in a conversation and not sent, oldest first; no ids: all."""
    async with conn.cursor(row_factory=class_row(Upload)) as cursor:
        await cursor.execute(
            """SELECT id, conversation_id, person_id, path, kind, mime_type, size, filename FROM upload
               WHERE conversation_id = %s AND person_id = %s AND (%s OR id = ANY(%s)) ORDER BY created_at, id""",
            (conversation_id, person_id, not ids, list(ids)),
        )
        return await cursor.fetchall()


async def drop(conn: Connection, upload_id: UUID) -> None:
    """Forget a file; the caller deletes it."""
    await conn.execute("DELETE FROM upload WHERE id = %s", (upload_id,))


async def send(conn: Connection, message_id: UUID, upload: Upload) -> None:
    """Make a file part of the message that sends it, in the caller's transaction. Raises LookupError if it is gone."""
    cursor = await conn.execute(
        """WITH sent AS (DELETE FROM upload WHERE id = %(upload)s RETURNING id, path, kind, mime_type, size)
           INSERT INTO media (id, message_id, channel_id, kind, mime_type, size, status, path, settled_at)
           SELECT sent.id, m.id, c.channel_id, sent.kind, sent.mime_type, sent.size, 'stored', sent.path, now()
           FROM sent, message m JOIN conversation c ON c.id = m.conversation_id WHERE m.id = %(message)s""",
        {"upload": upload.id, "message": message_id},
    )
    if not cursor.rowcount:
        raise LookupError("the file was sent or deleted meanwhile")


async def send_again(conn: Connection, message_id: UUID, of_message: UUID) -> None:
    """Make the files of a message part of another one too, which repeats it."""
    await conn.execute(
        """INSERT INTO media (message_id, channel_id, kind, mime_type, size, status, path, remote_id, uploaded_at,
                              settled_at)
           SELECT %s, channel_id, kind, mime_type, size, status, path, remote_id, uploaded_at, now() FROM media
           WHERE message_id = %s AND status = 'stored'""",
        (message_id, of_message),
    )


async def old(conn: Connection, days: float, limit: int) -> list[tuple[UUID, str]]:
    """Return ids and paths of files that were attached so long ago and never sent."""
    cursor = await conn.execute(
        "SELECT id, path FROM upload WHERE created_at < now() - make_interval(secs => %s) ORDER BY created_at LIMIT %s",
        (days * 86400, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
