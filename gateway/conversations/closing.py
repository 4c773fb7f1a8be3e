"""The end of a matter: a person closes its episode, or takes a decision back."""

from __future__ import annotations

from uuid import UUID

from gateway.conversations.checks import as_seen, done, seen
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store import ownership
from gateway.store.database import Connection
from gateway.store.desk import episodes
from gateway.store.desk import standing as store
from gateway.store.desk.standing import Standing
from gateway.store.people.people import Person


async def close(
    conn: Connection, conversation_id: UUID, by: Person | None, version: int, *,
    reason: str | None = None, satisfaction: int | None = None, last_seen: int | None = None,
) -> Standing:  # fmt: skip
    """Close a conversation's episode; the agent has the conversation, and begins another one when the customer writes.

    reason: in the company's own words; satisfaction: 1 to 5; last_seen: as for `snooze`. Raises as `as_seen` does,
    NewerMessageError.
    """
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        if found.state == "closed":
            return found
        await seen(conn, found, last_seen)
        await store.close(conn, conversation_id)
        me = by.id if by else None
        await episodes.closed_by(conn, conversation_id, me, reason=reason, satisfaction=satisfaction)
        return await done(conn, by, "closed", found, reason=reason)


async def restore(
    conn: Connection, conversation_id: UUID, by: Person | None, version: int, before: Standing, quiet: QuietPeriod
) -> Standing:
    """Take a decision back: give a conversation the holder, snooze, department and episode that it had before.

    version: that the decision gave it, so that nothing later is undone; before: as it was; quiet: of its number.
    Raises as `as_seen` does.
    """
    async with conn.transaction():
        found = await as_seen(conn, conversation_id, by, version)
        if found.state == "closed" and before.state != "closed":
            await episodes.reopen_last(conn, conversation_id)
            await store.reopen(conn, before)
        await _as_before(conn, found, before, quiet)
        return await done(conn, by, "undone", found, state=before.state)


async def _as_before(conn: Connection, found: Standing, before: Standing, quiet: QuietPeriod) -> None:
    if before.state == "closed":
        await store.close(conn, found.id)
        await episodes.closed_by(conn, found.id, None, reason=None, satisfaction=None)
    elif before.state == "open":
        await ownership.give_to_agent(conn, found.id)
        await quiet.schedule(conn, found.id)
    else:
        await store.restore(conn, before)
    await store.set_department(conn, found.id, before.department)
