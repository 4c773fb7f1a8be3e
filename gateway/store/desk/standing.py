"""Whose a conversation is and in which state, locked while somebody decides about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.ownership import hand_back, silence

#: The time of a snooze that only the customer's next message ends.
UNTIL_A_REPLY = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation as a person decides about it.

    state: open, waiting, taken, elsewhere, snoozed or closed; version: rises with each change of these fields. reason,
    summary: of the agent's handoff.
    """

    id: UUID
    channel_id: str
    version: int
    state: str
    assignee_id: UUID | None
    assignee_name: str | None
    department: str | None
    held_until: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    waits_since: datetime | None = None
    reason: str | None = None
    summary: str | None = None


async def read(conn: Connection, conversation_id: UUID, *, lock: bool = False) -> Standing | None:
    """Return the standing of a conversation; lock: nobody changes it until the transaction ends. None: it is gone."""
    async with conn.cursor(row_factory=class_row(Standing)) as cursor:
        if lock:  # apart from the read, which then sees what the transaction that we waited for did
            await cursor.execute("SELECT FROM conversation WHERE id = %s FOR UPDATE", (conversation_id,))
        await cursor.execute(
            """SELECT c.id, c.channel_id, c.version, c.state, c.assignee_id, p.name AS assignee_name, c.department,
                      c.held_until, c.snoozed_until, c.closed_at, c.waits_since, c.handoff_reason AS reason,
                      c.handoff_summary AS summary
               FROM conversation c LEFT JOIN person p ON p.id = c.assignee_id WHERE c.id = %s""",
            (conversation_id,),
        )
        return await cursor.fetchone()


async def newest_inbound(conn: Connection, conversation_id: UUID) -> int | None:
    """Return the `seq` of the customer's newest message; None: the customer has written nothing."""
    cursor = await conn.execute(
        """SELECT seq FROM message WHERE conversation_id = %s AND direction = 'in' AND group_id IS NULL
             AND amends IS NULL AND type <> 'reaction' ORDER BY seq DESC LIMIT 1""",
        (conversation_id,),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def give(conn: Connection, conversation_id: UUID, person_id: UUID | None) -> None:
    """Give a conversation to a person (None: to whoever takes it), and silence what the agent has queued there."""
    await conn.execute(
        """UPDATE conversation SET holder = 'person', assignee_id = %s, snoozed_until = NULL, held_until = NULL,
                  held_since = coalesce(CASE holder WHEN 'person' THEN held_since END, now()) WHERE id = %s""",
        (person_id, conversation_id),
    )
    await silence(conn, conversation_id)


async def snooze(conn: Connection, conversation_id: UUID, until: datetime | None) -> None:
    """Put a person's conversation aside until a time, or wake it (None)."""
    await conn.execute("UPDATE conversation SET snoozed_until = %s WHERE id = %s", (until, conversation_id))


async def set_department(conn: Connection, conversation_id: UUID, department: str | None) -> None:
    """Note which department a conversation is a matter of."""
    await conn.execute("UPDATE conversation SET department = %s WHERE id = %s", (department, conversation_id))


async def close(conn: Connection, conversation_id: UUID) -> None:
    """Close a conversation: the agent has it, and answers nothing until the customer writes again."""
    await hand_back(conn, conversation_id)
    await conn.execute(
        "UPDATE conversation SET closed_at = now(), due_at = NULL WHERE id = %s AND closed_at IS NULL",
        (conversation_id,),
    )


async def restore(conn: Connection, before: Standing) -> None:
    """Give a conversation that is not the agent's now, or was closed, the state that it had before.

    Not for a conversation that was the agent's before: it is handed back or closed.
    """
    await conn.execute(
        """UPDATE conversation SET holder = %s, assignee_id = %s, snoozed_until = %s, held_until = %s, department = %s,
                  closed_at = NULL, held_since = coalesce(held_since, now()), handoff_reason = %s,
                  handoff_summary = %s WHERE id = %s""",
        (
            "app" if before.state == "elsewhere" else "person", before.assignee_id, before.snoozed_until,
            before.held_until, before.department, before.reason, before.summary, before.id,
        ),
    )  # fmt: skip
    await silence(conn, before.id)


async def reopen(conn: Connection, before: Standing) -> None:
    """Open a closed conversation, after its last episode was opened again: the customer waits as long as before."""
    await conn.execute(
        "UPDATE conversation SET closed_at = NULL, waits_since = least(%s, unanswered_since(id)) WHERE id = %s",
        (before.waits_since, before.id),
    )


async def wake_due(conn: Connection) -> int:
    """Wake the conversations whose snooze has ended; return how many."""
    cursor = await conn.execute(
        """UPDATE conversation SET snoozed_until = NULL WHERE id IN (
               SELECT id FROM conversation WHERE snoozed_until <= now() ORDER BY id FOR UPDATE SKIP LOCKED)"""
    )
    return cursor.rowcount


async def close_idle(conn: Connection, hours: float, limit: int) -> int:
    """Close conversations that the agent holds and in which nobody wrote for so long; return how many.

    One in which a customer still waits for an answer stays open.
    """
    cursor = await conn.execute(
        """UPDATE conversation SET closed_at = now() WHERE id IN (
               SELECT id FROM conversation WHERE state = 'open' AND waits_since IS NULL
                 AND last_at < now() - make_interval(secs => %(seconds)s)
                 AND coalesce(freed_at, last_at) < now() - make_interval(secs => %(seconds)s)
                 AND NOT EXISTS (SELECT FROM turn t WHERE t.conversation_id = conversation.id AND t.state = 'open')
               ORDER BY last_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)""",
        {"seconds": hours * 3600, "limit": limit},
    )
    return cursor.rowcount
