"""Files of canned replies. Housekeeping deletes those that no reply has, so that none is lost between two stores."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

_COLUMNS = "id, reply_id, path, kind, mime_type, size, filename"


@dataclass(frozen=True, slots=True)
class CannedFile:
    """A file in the object store under `path`. kind: image, audio, video or document; size: bytes."""

    id: UUID
    reply_id: UUID | None
    path: str
    kind: str
    mime_type: str
    size: int
    filename: str


async def add(conn: Connection, file: CannedFile, person_id: UUID) -> None:
    """Note a file that a person has uploaded for a reply."""
    await conn.execute(
        f"INSERT INTO canned_file ({_COLUMNS}, person_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608  # constant
        (file.id, file.reply_id, file.path, file.kind, file.mime_type, file.size, file.filename, person_id),
    )


async def waiting(conn: Connection, person_id: UUID) -> int:
    """Return how many files a person has uploaded that no reply has."""
    cursor = await conn.execute(
        "SELECT count(*) FROM canned_file WHERE person_id = %s AND reply_id IS NULL", (person_id,)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def of(conn: Connection, reply_ids: Collection[UUID]) -> dict[UUID, CannedFile]:
    """Return the files of replies, by reply."""
    async with conn.cursor(row_factory=class_row(CannedFile)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM canned_file WHERE reply_id = ANY(%s)",  # noqa: S608  # constant
            (list(reply_ids),),
        )
        return {file.reply_id: file for file in await cursor.fetchall() if file.reply_id}


async def find(conn: Connection, file_id: UUID, person_id: UUID) -> CannedFile | None:
    """Return a file of a reply that a person may use, or one that they have just uploaded."""
    async with conn.cursor(row_factory=class_row(CannedFile)) as cursor:
        await cursor.execute(
            f"""SELECT {", ".join(f"f.{name}" for name in _COLUMNS.split(", "))}
                FROM canned_file f LEFT JOIN canned_reply r ON r.id = f.reply_id
                WHERE f.id = %(file)s AND CASE WHEN r.id IS NULL THEN f.person_id = %(person)s
                                               ELSE r.person_id IS NULL OR r.person_id = %(person)s END""",  # noqa: S608  # constant
            {"file": file_id, "person": person_id},
        )
        return await cursor.fetchone()


async def attach(
    conn: Connection, reply_id: UUID, file_id: UUID | None, person_id: UUID, *, before: UUID | None = None
) -> bool:
    """Make a file that of a reply, in the caller's transaction, and release its old one; no file: it has none.

    The file is one that the person has uploaded, or that the reply or the one `before` has. Return False where it is
    none of these.
    """
    await conn.execute(
        "UPDATE canned_file SET reply_id = NULL WHERE reply_id = %s AND id IS DISTINCT FROM %s", (reply_id, file_id)
    )
    if file_id is None:
        return True
    cursor = await conn.execute(
        """UPDATE canned_file SET reply_id = %(reply)s, attached_at = now()
           WHERE id = %(file)s AND (reply_id = %(reply)s OR reply_id = %(before)s
                                    OR (reply_id IS NULL AND attached_at IS NULL AND person_id = %(person)s))""",
        {"reply": reply_id, "file": file_id, "before": before, "person": person_id},
    )
    return bool(cursor.rowcount)


async def left(conn: Connection, days: float, limit: int) -> list[tuple[UUID, str]]:
    """Return ids and paths of files that a reply had, and of those that were uploaded so long ago and never saved."""
    cursor = await conn.execute(
        """SELECT id, path FROM canned_file
           WHERE reply_id IS NULL AND (attached_at IS NOT NULL OR created_at < now() - make_interval(secs => %s))
           ORDER BY created_at LIMIT %s""",
        (days * 86_400, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def drop(conn: Connection, file_id: UUID) -> None:
    """Forget a file that is deleted."""
    await conn.execute("DELETE FROM canned_file WHERE id = %s AND reply_id IS NULL", (file_id,))
