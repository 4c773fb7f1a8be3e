"""Writing of people: messages to the customer, and notes for colleagues."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from gateway.conversations.checks import done, locked, seen
from gateway.conversations.errors import NotHolderError
from gateway.store.composer import notes
from gateway.store.database import Connection
from gateway.store.desk.standing import Standing
from gateway.store.outbox import queue
from gateway.store.people import audit
from gateway.store.people.people import Person

#: Adds the file of a message that was queued: its position among the messages, and its id.
Attach = Callable[[Connection, int, UUID], Awaitable[None]]


async def send(
    conn: Connection, conversation_id: UUID, by: Person | None, contents: Sequence[Mapping[str, Any]], *,
    last_seen: int | None = None, attach: Attach | None = None,
) -> list[UUID]:  # fmt: skip
    """Queue messages of the person who has a conversation; return their ids.

    contents: replies in the run contract's form, each within Meta's limits; last_seen: the `seq` of the customer's
    newest message that the person saw; None: whatever came; attach: adds the file of each message, in the transaction.
    The command line sends where no named person has it.

    Raises:
        NotHolderError: Somebody else has it.
        NewerMessageError: The customer has written since.
        NoConversationError: It is gone.
    """
    async with conn.transaction():
        found = await locked(conn, conversation_id, by)
        if not _holds(by, found):
            raise NotHolderError("only the person who has the conversation sends", found)
        await seen(conn, found, last_seen)
        me = by.id if by else None
        sent = [await queue.queue_of_person(conn, conversation_id, dict(content), me) for content in contents]
        if attach:
            for position, message_id in enumerate(sent):
                await attach(conn, position, message_id)
        await done(conn, by, "sent", found, messages=len(sent))
        return sent


def _holds(by: Person | None, found: Standing) -> bool:
    if found.state not in ("waiting", "taken", "snoozed"):
        return False
    return found.assignee_id == (by.id if by else None)


async def note(conn: Connection, conversation_id: UUID, by: Person | None, text: str) -> UUID:
    """Add a note for colleagues; return its id. Raises NoConversationError."""
    async with conn.transaction():
        found = await locked(conn, conversation_id, by)
        name = by.name if by else audit.COMMAND_LINE
        note_id = await notes.add(conn, conversation_id, by.id if by else None, name, text)
        await done(conn, by, "noted", found)
        return note_id
