"""A person vouches for the customer's number."""

from __future__ import annotations

from uuid import UUID

from gateway.conversations.checks import done, locked, may_change
from gateway.conversations.errors import NotHolderError
from gateway.store import conversations
from gateway.store.customers import contacts
from gateway.store.database import Connection
from gateway.store.desk.standing import Standing
from gateway.store.people.people import Person


async def confirm(conn: Connection, conversation_id: UUID, by: Person | None) -> Standing:
    """Note that the numbers which the customer has now are theirs, so that the agent shows their data again.

    Raises NoConversationError, NotHolderError.
    """
    async with conn.transaction():
        found = await locked(conn, conversation_id, by)
        if not may_change(by, found):
            raise NotHolderError("another person has the conversation", found)
        place = await conversations.place(conn, conversation_id)
        if place is None:
            raise LookupError("a locked conversation is gone")
        keys = (await contacts.identity_of(conn, place.contact_id)).present
        await contacts.trust(conn, place.contact_id, [key.value for key, _ in keys if key.kind == "wa_id"])
        return await done(conn, by, "number confirmed", found)
