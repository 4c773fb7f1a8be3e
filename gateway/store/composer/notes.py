"""Texts of people besides messages: notes for each other, and drafts that only their author sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Note:
    """A note in a conversation, which the customer and the agent never see."""

    id: UUID
    person_id: UUID | None
    person_name: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that a person has begun. mode: `reply` or `note`; reply_to: the wamid of the message that it quotes."""

    mode: str
    text: str
    reply_to: str | None
    changed_at: datetime


async def add(conn: Connection, conversation_id: UUID, person_id: UUID | None, person_name: str, text: str) -> UUID:
    """Add a note; return its id."""
    cursor = await conn.execute(
        "INSERT INTO note (conversation_id, person_id, person_name, text) VALUES (%s, %s, %s, %s) RETURNING id",
        (conversation_id, person_id, person_name, text),
    )
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def of(
    conn: Connection, conversation_id: UUID, *, since: datetime | None = None, until: datetime | None = None,
    limit: int = 500,
) -> list[Note]:  # fmt: skip
    """Return the newest notes of a conversation (written in a span of time), oldest first."""
    async with conn.cursor(row_factory=class_row(Note)) as cursor:
        await cursor.execute(
            """SELECT * FROM (
                   SELECT id, person_id, person_name, text, created_at FROM note WHERE conversation_id = %s
                     AND created_at >= coalesce(%s, '-infinity'::timestamptz)
                     AND created_at < coalesce(%s, 'infinity'::timestamptz)
                   ORDER BY created_at DESC LIMIT %s) newest
               ORDER BY created_at""",
            (conversation_id, since, until, limit),
        )
        return await cursor.fetchall()


async def drafts(conn: Connection, conversation_id: UUID, person_id: UUID) -> list[Draft]:
    """Return a person's drafts in a conversation."""
    async with conn.cursor(row_factory=class_row(Draft)) as cursor:
        await cursor.execute(
            "SELECT mode, text, reply_to, changed_at FROM draft WHERE conversation_id = %s AND person_id = %s",
            (conversation_id, person_id),
        )
        return await cursor.fetchall()


async def save_draft(
    conn: Connection, conversation_id: UUID, person_id: UUID, mode: str, text: str, reply_to: str | None = None
) -> None:
    """Keep a person's draft; an empty text deletes it."""
    if not text.strip():
        await conn.execute(
            "DELETE FROM draft WHERE conversation_id = %s AND person_id = %s AND mode = %s",
            (conversation_id, person_id, mode),
        )
        return
    await conn.execute(
        """INSERT INTO draft (conversation_id, person_id, mode, text, reply_to) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (person_id, conversation_id, mode) DO UPDATE
           SET text = excluded.text, reply_to = excluded.reply_to, changed_at = now()""",
        (conversation_id, person_id, mode, text, reply_to),
    )


async def purge_drafts(conn: Connection, days: float, limit: int) -> int:
    """Delete drafts that nobody has changed for so many days, at most so many."""
    cursor = await conn.execute(
        """DELETE FROM draft WHERE (person_id, conversation_id, mode) IN (
               SELECT person_id, conversation_id, mode FROM draft
               WHERE changed_at < now() - make_interval(secs => %s) ORDER BY changed_at LIMIT %s
               FOR UPDATE SKIP LOCKED)""",
        (days * 86_400, limit),
    )
    return cursor.rowcount
