"""Checks that every operation makes first, with the conversation locked."""

from __future__ import annotations

from uuid import UUID

from gateway.conversations.errors import ChangedError, NewerMessageError, NoConversationError, NotHolderError
from gateway.store.database import Connection
from gateway.store.desk import standing as store
from gateway.store.desk.standing import Standing
from gateway.store.people import audit
from gateway.store.people.people import Person, Role


async def locked(conn: Connection, conversation_id: UUID, by: Person | None) -> Standing:
    """Lock a conversation and return its standing. Raises NoConversationError."""
    found = await store.read(conn, conversation_id, lock=True)
    if found is None or (by is not None and not by.sees(found.department)):
        raise NoConversationError(f"there is no conversation {conversation_id}")
    return found


async def as_seen(conn: Connection, conversation_id: UUID, by: Person | None, version: int) -> Standing:
    """Lock a conversation that is as the person saw it and that they may change.

    Raises NoConversationError, ChangedError, NotHolderError.
    """
    found = await locked(conn, conversation_id, by)
    if found.version != version:
        raise ChangedError("the conversation has changed since", found)
    if not may_change(by, found):
        raise NotHolderError("another person has the conversation", found)
    return found


def may_change(by: Person | None, found: Standing) -> bool:
    """Return whether a person may decide about a conversation: nobody has it, they do, or they are a manager."""
    return by is None or found.assignee_id in (None, by.id) or by.may(Role.MANAGER)


async def seen(conn: Connection, found: Standing, last_seen: int | None) -> None:
    """Raise NewerMessageError where the customer wrote after the message that the person saw last (None: any)."""
    newest = await store.newest_inbound(conn, found.id)
    if last_seen is not None and newest is not None and newest > last_seen:
        raise NewerMessageError(found, newest)


async def done(conn: Connection, by: Person | None, action: str, before: Standing, **detail: object) -> Standing:
    """Write an action into the audit and return the conversation's new standing."""
    after = await store.read(conn, before.id)
    if after is None:
        raise LookupError("a locked conversation is gone")
    whose = {"from": str(before.assignee_id)} if before.assignee_id and before.assignee_id != after.assignee_id else {}
    more = {name: value for name, value in detail.items() if value is not None}
    await audit.write(conn, by, action, f"conversation:{before.id}", {**whose, **more})
    return after
