"""Viewers of a conversation, their typing, and how far each person has read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

#: Seconds after which a person who was not heard of views a conversation no more. Browsers say so more often.
VIEW_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who has a conversation before them."""

    person_id: UUID
    name: str
    typing: bool


async def view(conn: Connection, conversation_id: UUID, person_id: UUID, *, typing: bool = False) -> None:
    """Note that a person views a conversation now; unknown ones are left out."""
    await conn.execute(
        """INSERT INTO viewing (conversation_id, person_id, typing) SELECT id, %s, %s FROM conversation WHERE id = %s
           ON CONFLICT (conversation_id, person_id) DO UPDATE SET typing = excluded.typing, seen_at = now()""",
        (person_id, typing, conversation_id),
    )


async def leave(conn: Connection, conversation_id: UUID, person_id: UUID) -> None:
    """Note that a person views a conversation no more."""
    await conn.execute(
        "DELETE FROM viewing WHERE conversation_id = %s AND person_id = %s", (conversation_id, person_id)
    )


async def viewers(conn: Connection, conversation_id: UUID) -> list[Viewer]:
    """Return who views a conversation, by name."""
    async with conn.cursor(row_factory=class_row(Viewer)) as cursor:
        await cursor.execute(
            """SELECT v.person_id, p.name, v.typing FROM viewing v JOIN person p ON p.id = v.person_id
               WHERE v.conversation_id = %s AND v.seen_at > now() - make_interval(secs => %s) ORDER BY p.name, p.id""",
            (conversation_id, VIEW_SECONDS),
        )
        return await cursor.fetchall()


async def forget(conn: Connection) -> int:
    """Delete the views of people who are gone; return how many."""
    cursor = await conn.execute(
        "DELETE FROM viewing WHERE seen_at < now() - make_interval(secs => %s)", (VIEW_SECONDS,)
    )
    return cursor.rowcount


async def mark_read(conn: Connection, conversation_id: UUID, person_id: UUID, seq: int) -> None:
    """Note up to which message a person has read a conversation; an older mark changes nothing."""
    await conn.execute(
        """INSERT INTO read_mark AS r (conversation_id, person_id, seq) VALUES (%s, %s, %s)
           ON CONFLICT (person_id, conversation_id) DO UPDATE SET seq = excluded.seq WHERE r.seq < excluded.seq""",
        (conversation_id, person_id, seq),
    )
