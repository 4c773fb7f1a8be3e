"""Tags that people give to conversations."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag. color: one of twelve tints, 0 to 11."""

    id: UUID
    name: str
    color: int


async def every(conn: Connection) -> list[Tag]:
    """Return all tags by name."""
    async with conn.cursor(row_factory=class_row(Tag)) as cursor:
        await cursor.execute("SELECT id, name, color FROM tag ORDER BY lower(name)")
        return await cursor.fetchall()


async def create(conn: Connection, name: str, color: int = 0) -> UUID:
    """Return the id of the tag with this name, in any case of letters; create it if needed."""
    cursor = await conn.execute(
        """INSERT INTO tag (name, color) VALUES (%s, %s) ON CONFLICT (lower(name)) DO UPDATE SET name = tag.name
           RETURNING id""",
        (name.strip(), color),
    )
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def change(conn: Connection, tag_id: UUID, name: str, color: int) -> None:
    """Rename and recolour a tag."""
    await conn.execute("UPDATE tag SET name = %s, color = %s WHERE id = %s", (name.strip(), color, tag_id))


async def delete(conn: Connection, tag_id: UUID) -> None:
    """Delete a tag, also from all conversations."""
    await conn.execute("DELETE FROM tag WHERE id = %s", (tag_id,))


async def put(conn: Connection, conversation_id: UUID, tag_id: UUID) -> bool:
    """Put a tag on a conversation; return False where it is there, or does not exist."""
    cursor = await conn.execute(
        """INSERT INTO conversation_tag (conversation_id, tag_id) SELECT %s, id FROM tag WHERE id = %s
           ON CONFLICT DO NOTHING""",
        (conversation_id, tag_id),
    )
    return bool(cursor.rowcount)


async def remove(conn: Connection, conversation_id: UUID, tag_id: UUID) -> bool:
    """Take a tag from a conversation; return False where it is not there."""
    cursor = await conn.execute(
        "DELETE FROM conversation_tag WHERE conversation_id = %s AND tag_id = %s", (conversation_id, tag_id)
    )
    return bool(cursor.rowcount)
