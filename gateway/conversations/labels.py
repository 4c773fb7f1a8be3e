"""The subject of a conversation: its department and its tags."""

from __future__ import annotations

from uuid import UUID

from gateway.conversations.checks import as_seen, done, locked
from gateway.store.database import Connection
from gateway.store.desk import standing as store
from gateway.store.desk import tags
from gateway.store.desk.standing import Standing
from gateway.store.people import people
from gateway.store.people.people import Person


async def set_department(
    conn: Connection, conversation_id: UUID, by: Person | None, version: int, department: str | None
) -> Standing:
    """Make a conversation a matter of a department, or of none. Raises as `as_seen` does.

    A person who has it and does not see the department loses it: it waits for one who does.
    """
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        await store.set_department(conn, conversation_id, department)
        if found.assignee_id:
            await people.release(conn, found.assignee_id)
        return await done(conn, by, "department set", found, department=department)


async def tag(conn: Connection, conversation_id: UUID, by: Person | None, tag_id: UUID) -> Standing:
    """Put a tag on a conversation; once more does nothing. Raises NoConversationError."""
    async with conn.transaction():
        found = await locked(conn, conversation_id, by)
        if not await tags.put(conn, conversation_id, tag_id):
            return found
        return await done(conn, by, "tagged", found, tag=str(tag_id))


async def untag(conn: Connection, conversation_id: UUID, by: Person | None, tag_id: UUID) -> Standing:
    """Take a tag from a conversation; once more does nothing. Raises NoConversationError."""
    async with conn.transaction():
        found = await locked(conn, conversation_id, by)
        if not await tags.remove(conn, conversation_id, tag_id):
            return found
        return await done(conn, by, "untagged", found, tag=str(tag_id))
