"""Media of customers: to fetch, and fetched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

_DAYS_AT_META = 7  # for which Meta keeps what customers send (reference/media)


@dataclass(frozen=True, slots=True)
class ClaimedMedia:
    """Media that this process has leased to fetch. channel_id: the phone number id; attempts: this one included."""

    id: UUID
    channel_id: str
    remote_id: str
    kind: str
    mime_type: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """Media as it is kept. path: in the object store; revoked: its message was revoked."""

    status: str
    path: str | None
    mime_type: str | None
    revoked: bool


async def claim(conn: Connection, limit: int, lease_seconds: float, channels: Collection[str]) -> list[ClaimedMedia]:
    """Lease media that is to be fetched now."""
    async with conn.cursor(row_factory=class_row(ClaimedMedia)) as cursor:
        await cursor.execute(
            """UPDATE media SET attempts = attempts + 1, lease_until = now() + make_interval(secs => %s)
               WHERE id IN (SELECT id FROM media WHERE status = 'pending' AND due_at <= now() AND channel_id = ANY(%s)
                              AND (lease_until IS NULL OR lease_until < now())
                            ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
               RETURNING id, channel_id, remote_id, kind, mime_type, attempts""",
            (lease_seconds, list(channels), limit),
        )
        return await cursor.fetchall()


async def next_due(conn: Connection) -> float | None:
    """Return the seconds until media is to be fetched; None: there is none."""
    cursor = await conn.execute(
        """SELECT extract(epoch FROM min(greatest(due_at, lease_until)) - now())::float8 FROM media
           WHERE status = 'pending'"""
    )
    row = await cursor.fetchone()
    return max(0.0, row[0]) if row and row[0] is not None else None


async def retry(conn: Connection, media_id: UUID, delay: float, error: str) -> bool:
    """Have media fetched again after a delay in seconds; return False where it has expired at Meta."""
    cursor = await conn.execute(
        """UPDATE media SET due_at = now() + make_interval(secs => %s), lease_until = NULL, error = %s
           WHERE id = %s AND status = 'pending' AND created_at > now() - make_interval(days => %s)""",
        (delay, error, media_id, _DAYS_AT_META),
    )
    return bool(cursor.rowcount)


async def settle(
    conn: Connection,
    media_id: UUID,
    status: str,
    *,
    path: str | None = None,
    mime_type: str | None = None,
    size: int | None = None,
    error: str | None = None,
) -> UUID | None:
    """Store the result for media, in the caller's transaction; return its conversation, which is locked.

    The caller schedules the next turn there (`schedule`), which may have waited for this media only.
    """
    conversation_id = await _lock_conversation(conn, media_id)
    await conn.execute(
        """UPDATE media SET status = %s, path = %s, mime_type = coalesce(%s, mime_type), size = %s, error = %s,
                  settled_at = now(), lease_until = NULL WHERE id = %s AND status = 'pending'""",
        (status, path, mime_type, size, error, media_id),
    )
    return conversation_id


async def _lock_conversation(conn: Connection, media_id: UUID) -> UUID | None:
    """Lock the conversation of media, so that its due time is computed from all its messages."""
    for _ in range(2):  # it may have become part of another one while this waited
        cursor = await conn.execute(
            """SELECT c.id FROM media d JOIN message m ON m.id = d.message_id
               JOIN conversation c ON c.id = m.conversation_id WHERE d.id = %s FOR UPDATE OF c""",
            (media_id,),
        )
        if row := await cursor.fetchone():
            return row[0]  # type: ignore[no-any-return]
    return None


async def find(conn: Connection, media_id: UUID, of_contact: UUID | None = None) -> StoredMedia | None:
    """Return media by its id, with `of_contact` only media that this contact sent; None: there is none."""
    async with conn.cursor(row_factory=class_row(StoredMedia)) as cursor:
        await cursor.execute(
            """SELECT d.status, d.path, d.mime_type, m.revoked_at IS NOT NULL AS revoked
               FROM media d JOIN message m ON m.id = d.message_id
               JOIN conversation c ON c.id = m.conversation_id
               WHERE d.id = %(id)s AND (%(contact)s::uuid IS NULL OR c.contact_id = %(contact)s)""",
            {"id": media_id, "contact": of_contact},
        )
        return await cursor.fetchone()


async def keep_transcripts(conn: Connection, turn_id: UUID, transcripts: Mapping[str, str]) -> None:
    """Keep the words of a turn's recordings, by the wamid of their message, where its file is kept."""
    await conn.execute(
        """UPDATE media d SET transcript = told.text
           FROM message m JOIN unnest(%s::text[], %s::text[]) AS told (wamid, text) ON told.wamid = m.wamid
           WHERE d.message_id = m.id AND m.turn_id = %s AND m.direction = 'in' AND m.revoked_at IS NULL
             AND d.path IS NOT NULL AND d.kind = 'audio'""",
        (list(transcripts), list(transcripts.values()), turn_id),
    )


async def backlog(conn: Connection) -> tuple[int, float]:
    """Return the number of media that wait to be fetched, and the age of the oldest (seconds)."""
    cursor = await conn.execute(
        """SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
           FROM media WHERE status = 'pending'"""
    )
    return await cursor.fetchone() or (0, 0.0)


async def revoked(conn: Connection, limit: int) -> list[tuple[UUID, str]]:
    """Return ids of media and paths of files that are kept although their messages were revoked."""
    cursor = await conn.execute(
        """SELECT d.id, d.path FROM media d JOIN message m ON m.id = d.message_id
           WHERE m.revoked_at IS NOT NULL AND d.path IS NOT NULL LIMIT %s""",
        (limit,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def forget(conn: Connection, media_ids: Collection[UUID]) -> None:
    """Note that the files of media are deleted, and forget what was said in them."""
    await conn.execute("UPDATE media SET path = NULL, transcript = NULL WHERE id = ANY(%s)", (list(media_ids),))
