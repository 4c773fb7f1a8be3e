"""Whose a conversation is: a person takes it, gives it to another one, puts it aside, hands it back to the agent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from gateway.conversations.checks import as_seen, done, locked, seen
from gateway.conversations.errors import ChangedError, NotHolderError, TakenByOtherError, UnseenDepartmentError
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store import ownership, unanswered
from gateway.store.database import Connection
from gateway.store.desk import standing as store
from gateway.store.desk.standing import UNTIL_A_REPLY, Standing
from gateway.store.people import people
from gateway.store.people.people import Person


async def take(
    conn: Connection, conversation_id: UUID, by: Person | None, version: int, *, from_person: UUID | None = None
) -> Standing:
    """Make a conversation a person's, in whatever state it is. The agent's queued messages there are not sent.

    version: that the person saw; from_person: the colleague from whom they take it over, in so many words. A person who
    has it already keeps it.

    Raises:
        TakenByOtherError: A colleague has it.
        ChangedError: Something else changed.
        NoConversationError: It is gone.
    """
    async with conn.transaction():
        found = await locked(conn, conversation_id, by)
        me = by.id if by else None
        if me is not None and found.assignee_id == me and found.state == "taken":
            return found
        if found.assignee_id not in (None, me, from_person):
            raise TakenByOtherError(found)
        if found.version != version:
            raise ChangedError("the conversation has changed since", found)
        await store.give(conn, conversation_id, me)
        return await done(conn, by, "taken over" if found.assignee_id not in (None, me) else "taken", found)


async def assign(conn: Connection, conversation_id: UUID, by: Person | None, version: int, to: UUID | None) -> Standing:
    """Give a conversation to a person, or (None) back among those that wait for one.

    Raises as `as_seen` does, and UnseenDepartmentError.
    """
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        other = await people.find(conn, to) if to else None
        if other and not other.sees(found.department):
            raise UnseenDepartmentError(found, other.name)
        await store.give(conn, conversation_id, to)
        return await done(conn, by, "assigned", found, to=str(to) if to else "nobody")


async def hand_back(
    conn: Connection, conversation_id: UUID, by: Person | None, version: int, quiet: QuietPeriod, *,
    answers: bool = True,
) -> Standing:  # fmt: skip
    """Return a conversation to the agent. Raises as `as_seen` does.

    quiet: of the conversation's number; answers: whether the agent answers now the messages that nobody has answered.
    Otherwise it is silent until the customer writes again, and has then read those messages too.
    """
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        await ownership.give_to_agent(conn, conversation_id)
        if not answers:
            await unanswered.dismiss(conn, conversation_id)
        await quiet.schedule(conn, conversation_id)
        return await done(conn, by, "handed back", found, answers=None if answers else False)


async def snooze(
    conn: Connection, conversation_id: UUID, by: Person | None, version: int, until: datetime | None, *,
    last_seen: int | None = None,
) -> Standing:  # fmt: skip
    """Put a person's conversation aside until a time (None: for as long as it takes) or the customer's next message.

    last_seen: the customer's newest message that the person saw (seq); None: whatever came. Raises as `as_seen` does,
    NotHolderError where no person has the conversation, NewerMessageError.
    """
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        if found.state not in ("waiting", "taken", "snoozed"):
            raise NotHolderError("no person has the conversation", found)
        await seen(conn, found, last_seen)
        await store.snooze(conn, conversation_id, until or UNTIL_A_REPLY)
        return await done(conn, by, "snoozed", found, until=until.isoformat() if until else "a reply")


async def wake(conn: Connection, conversation_id: UUID, by: Person | None, version: int) -> Standing:
    """End a conversation's snooze. Raises as `as_seen` does."""
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        await store.snooze(conn, conversation_id, None)
        return await done(conn, by, "woken", found)
