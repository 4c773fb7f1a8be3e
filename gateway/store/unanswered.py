"""Messages of a customer that nobody has answered when a conversation returns to the agent."""

from __future__ import annotations

from uuid import UUID

from gateway.store.conversations import ANSWERED_BY_PEOPLE
from gateway.store.database import Connection

#: The error of a message that the agent had queued in a conversation that somebody else holds now.
SILENCED = "not sent: the agent no longer holds the conversation"
#: The error of a turn that ended without a reply for the same reason.
TAKEN_OVER = "a person took over"
#: The error of a turn that a backup held as open (store/restored.py), and the note of an item that was not taken in.
RESTORED = "restored"


async def wait_for_agent(conn: Connection, conversation_id: UUID) -> None:
    """Have messages wait for a turn again whose own turn was silenced, unless somebody has answered them since.

    The caller has locked the conversation, and schedules the next turn where the agent has it. A turn that a person or
    a restore cut short ended without a reply, or its replies were not sent. Messages of closed episodes stay as they
    are.
    """
    await conn.execute(
        f"""UPDATE message m SET awaits = true FROM turn t
            WHERE m.conversation_id = %(id)s AND m.direction = 'in' AND m.turn_id = t.id AND t.state = 'done'
              AND NOT m.awaits AND m.revoked_at IS NULL
              AND (t.error = ANY(%(cut_short)s) OR EXISTS (SELECT FROM message o WHERE o.turn_id = t.id
                                                         AND o.direction = 'out' AND o.error = %(silenced)s))
              AND NOT EXISTS (SELECT FROM message o JOIN turn later ON later.id = o.turn_id
                              WHERE o.conversation_id = m.conversation_id AND o.direction = 'out'
                                AND o.author IN ('agent', 'gateway') AND o.status <> 'failed'
                                AND later.started_at >= t.started_at)
              AND m.created_at >= (SELECT opened_at FROM episode e
                                   WHERE e.conversation_id = m.conversation_id AND e.closed_at IS NULL)
              AND NOT {ANSWERED_BY_PEOPLE}""",  # noqa: S608  # ours
        {"id": conversation_id, "cut_short": [TAKEN_OVER, RESTORED], "silenced": SILENCED},
    )
    await conn.execute(
        "UPDATE conversation SET waits_since = least(waits_since, unanswered_since(id)) WHERE id = %s",
        (conversation_id,),
    )


async def take_up_failed(conn: Connection, limit: int | None) -> list[UUID]:
    """Have customers wait again whose answer by a person has failed; return the open conversations that the agent has.

    That is done in the caller's transaction, for so many messages at most (None: all); the caller schedules their
    next turns (`schedule`). A message that a person dismissed stays so. A conversation that was put aside comes back.
    """
    cursor = await conn.execute("SELECT message_id FROM failed_answer LIMIT %s", (limit,))
    if not (failed := [row[0] for row in await cursor.fetchall()]):
        return []
    cursor = await conn.execute(
        """SELECT id, holder = 'agent' AND closed_at IS NULL FROM conversation
           WHERE id = ANY(ARRAY(SELECT conversation_id FROM message WHERE id = ANY(%s)))
           ORDER BY id FOR UPDATE SKIP LOCKED""",
        (failed,),
    )
    found = await cursor.fetchall()
    for conversation_id, _ in found:
        await conn.execute(
            "DELETE FROM failed_answer f USING message m WHERE m.id = f.message_id AND m.conversation_id = %s",
            (conversation_id,),
        )
        await wait_for_agent(conn, conversation_id)
        await conn.execute(
            "UPDATE conversation SET snoozed_until = NULL WHERE id = %s AND snoozed_until IS NOT NULL"
            " AND unanswered_since(id) IS NOT NULL",
            (conversation_id,),
        )
    return [conversation_id for conversation_id, is_agents in found if is_agents]


async def dismiss(conn: Connection, conversation_id: UUID) -> None:
    """Note that the messages of the open episode, and those that wait, need no answer.

    The next turn contains those that wait, but they are no reason for one; nor are the others, should the person's
    answer to them fail later.
    """
    await conn.execute(
        """UPDATE message SET dismissed = true WHERE conversation_id = %(id)s AND direction = 'in' AND NOT dismissed
             AND (awaits OR created_at >= (SELECT opened_at FROM episode
                                           WHERE conversation_id = %(id)s AND closed_at IS NULL))""",
        {"id": conversation_id},
    )
    await conn.execute("UPDATE conversation SET waits_since = NULL WHERE id = %s", (conversation_id,))
