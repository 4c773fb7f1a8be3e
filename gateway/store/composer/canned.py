"""Canned replies: texts that a person inserts by their shortcut, for all or for one person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

#: The form of a shortcut.
SHORTCUT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class CannedReply:
    """A text to insert. person_id: its only reader, None for all."""

    id: UUID
    person_id: UUID | None
    shortcut: str
    title: str
    text: str


async def for_person(conn: Connection, person_id: UUID) -> list[CannedReply]:
    """Return the replies that a person may use, by shortcut; their own hide shared ones of the same shortcut."""
    async with conn.cursor(row_factory=class_row(CannedReply)) as cursor:
        await cursor.execute(
            """SELECT DISTINCT ON (shortcut) id, person_id, shortcut, title, text FROM canned_reply
               WHERE person_id IS NULL OR person_id = %s ORDER BY shortcut, person_id NULLS LAST""",
            (person_id,),
        )
        return await cursor.fetchall()


async def every(conn: Connection, person_id: UUID) -> list[CannedReply]:
    """Return the shared replies and a person's own, also those that hide each other."""
    async with conn.cursor(row_factory=class_row(CannedReply)) as cursor:
        await cursor.execute(
            """SELECT id, person_id, shortcut, title, text FROM canned_reply
               WHERE person_id IS NULL OR person_id = %s ORDER BY shortcut, person_id NULLS FIRST""",
            (person_id,),
        )
        return await cursor.fetchall()


async def named(conn: Connection, person_id: UUID | None, shortcut: str) -> UUID | None:
    """Return the id of the reply that has a shortcut, among the shared ones (None) or among a person's own."""
    cursor = await conn.execute(
        "SELECT id FROM canned_reply WHERE shortcut = %s AND person_id IS NOT DISTINCT FROM %s", (shortcut, person_id)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def save(conn: Connection, person_id: UUID | None, shortcut: str, title: str, text: str) -> UUID:
    """Keep a reply under its shortcut, instead of one that is there; return its id."""
    cursor = await conn.execute(
        """INSERT INTO canned_reply (person_id, shortcut, title, text) VALUES (%s, %s, %s, %s)
           ON CONFLICT (shortcut, person_id) DO UPDATE
           SET title = excluded.title, text = excluded.text, changed_at = now() RETURNING id""",
        (person_id, shortcut, title, text),
    )
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def find(conn: Connection, reply_id: UUID) -> CannedReply | None:
    """Return a reply."""
    async with conn.cursor(row_factory=class_row(CannedReply)) as cursor:
        await cursor.execute("SELECT id, person_id, shortcut, title, text FROM canned_reply WHERE id = %s", (reply_id,))
        return await cursor.fetchone()


async def delete(conn: Connection, reply_id: UUID) -> None:
    """Delete a reply."""
    await conn.execute("DELETE FROM canned_reply WHERE id = %s", (reply_id,))
