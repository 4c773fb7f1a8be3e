"""The holder of a conversation: agent, person or another app. The agent is silent unless it holds the conversation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.conversations import failed_at_meta
from gateway.store.database import Connection
from gateway.store.unanswered import SILENCED, TAKEN_OVER, wait_for_agent


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation that a person or another app holds."""

    id: UUID
    channel_id: str
    holder: str
    customer_name: str | None
    person_name: str | None  # the person who has taken it; None: nobody, or the command line
    held_since: datetime
    reason: str | None
    summary: str | None
    waits_since: datetime | None  # since when the customer waits for an answer
    last_text: str | None


async def silence(conn: Connection, conversation_id: UUID) -> None:
    """Fail the messages that the agent has queued in a conversation that it does not hold.

    A fallback for a person's message is that person's. A turn in progress ends without a reply (`turns.end`).
    """
    cursor = await conn.execute(
        """UPDATE message m SET status = 'failed', error = %s
           FROM conversation c WHERE c.id = %s AND c.holder <> 'agent' AND m.conversation_id = c.id
             AND m.direction = 'out' AND m.author IN ('agent', 'gateway') AND m.status = 'queued'
             AND m.caller_key IS NULL
             AND NOT EXISTS (SELECT FROM message r WHERE r.id = m.replaces AND r.author = 'person')
           RETURNING m.turn_id""",
        (SILENCED, conversation_id),
    )
    if silenced := await cursor.fetchall():
        await wait_again(conn, conversation_id, {row[0] for row in silenced})


async def wait_again(conn: Connection, conversation_id: UUID, turns: Collection[UUID | None]) -> None:
    """Have the customer wait for the answer of turns whose replies were silenced, unless some of it was sent."""
    await conn.execute(
        f"""UPDATE conversation c SET waits_since = least(c.waits_since, w.since) FROM (
               SELECT min(i.created_at) AS since FROM message i WHERE i.conversation_id = %(id)s
                 AND i.turn_id = ANY(%(turns)s::uuid[]) AND i.direction = 'in' AND i.revoked_at IS NULL
                 AND NOT EXISTS (
                   SELECT FROM message o WHERE o.conversation_id = i.conversation_id AND o.direction = 'out'
                     AND ((o.turn_id = i.turn_id AND o.author = 'agent' AND o.status <> 'failed')
                          OR (o.author IN ('person', 'app') AND o.seq > i.seq AND o.type <> 'reaction'
                              AND NOT {failed_at_meta("o")})))) w
           WHERE c.id = %(id)s AND c.closed_at IS NULL AND w.since IS NOT NULL""",  # noqa: S608  # ours
        {"id": conversation_id, "turns": [turn for turn in turns if turn is not None]},
    )


async def phone_app_spoke(conn: Connection, conversation_id: UUID, at: datetime, until: datetime | None) -> None:
    """Silence the agent because a person wrote in the phone app, until a time (None: until somebody hands back).

    Nothing changes where a person or another app holds the conversation, where the time is over already, or where the
    conversation was given back to the agent after the message.
    """
    await conn.execute(
        """UPDATE conversation SET holder = 'app', held_since = coalesce(held_since, now()),
                  held_until = greatest(held_until, coalesce(%s::timestamptz, '9999-01-01Z'))
           WHERE id = %s AND (holder = 'agent' OR (holder = 'app' AND held_until IS NOT NULL))
             AND coalesce(%s::timestamptz > now(), true) AND coalesce(freed_at < %s, true)""",
        (until, conversation_id, until, at),
    )
    await silence(conn, conversation_id)


async def control_lost(conn: Connection, conversation_id: UUID, at: datetime) -> bool:
    """Note that another app controls the thread since a time; return False where later news or messages are known."""
    cursor = await conn.execute(
        """UPDATE conversation c SET control_at = %(at)s, held_since = coalesce(held_since, now()), held_until = NULL,
                  holder = CASE holder WHEN 'person' THEN 'person' ELSE 'app' END
           WHERE id = %(id)s AND (control_at IS NULL OR control_at <= %(at)s)
             AND NOT EXISTS (SELECT FROM message m WHERE m.conversation_id = c.id AND m.direction = 'in'
                             AND m.source = 'messages' AND m.sent_at > %(at)s)""",
        {"id": conversation_id, "at": at},
    )
    await silence(conn, conversation_id)
    return bool(cursor.rowcount)


async def control_returned(conn: Connection, conversation_id: UUID, at: datetime) -> bool:
    """Note that we have controlled the thread since a time, as Meta says, or a message shows that came to us.

    The agent answers again unless a person holds the conversation. Return False where later news is known; else the
    caller schedules the next turn (`schedule`).
    """
    cursor = await conn.execute(
        """UPDATE conversation SET control_at = %s WHERE id = %s AND (control_at IS NULL OR control_at <= %s)
           RETURNING holder = 'app' AND held_until IS NULL""",
        (at, conversation_id, at),
    )
    row = await cursor.fetchone()
    if row and row[0]:
        await give_to_agent(conn, conversation_id, at)
    return row is not None


async def hand_back_expired(conn: Connection) -> list[UUID]:
    """Hand back, in the caller's transaction, the conversations whose hold by the phone app has ended; return them.

    The caller schedules their next turns (`schedule`).
    """
    cursor = await conn.execute(
        """SELECT id FROM conversation WHERE holder = 'app' AND held_until <= now()
           ORDER BY id FOR UPDATE SKIP LOCKED"""
    )
    expired = [row[0] for row in await cursor.fetchall()]
    for conversation_id in expired:
        await give_to_agent(conn, conversation_id)
    return expired


async def give_to_agent(conn: Connection, conversation_id: UUID, at: datetime | None = None) -> None:
    """Return a conversation to the agent, which answers the messages that nobody has answered.

    at: since when it is the agent's; None: now. The caller schedules the next turn (`schedule`).
    """
    await hand_back(conn, conversation_id, at)
    await wait_for_agent(conn, conversation_id)


async def hand_back(conn: Connection, conversation_id: UUID, at: datetime | None = None) -> None:
    """Make the agent the holder of a conversation, since a time (None: now)."""
    await conn.execute(
        """UPDATE conversation SET holder = 'agent', held_since = NULL, held_until = NULL, handoff_reason = NULL,
                  handoff_summary = NULL, freed_at = greatest(freed_at, coalesce(%s, now())) WHERE id = %s""",
        (at, conversation_id),
    )
    # A turn whose worker died is over: its reply would come too late.
    await conn.execute(
        """UPDATE turn t SET state = 'done', ended_at = now(), error = %s FROM conversation c
           WHERE t.conversation_id = %s AND t.state = 'open' AND c.id = t.conversation_id
             AND (c.lease_until IS NULL OR c.lease_until < now())""",
        (TAKEN_OVER, conversation_id),
    )


async def held(conn: Connection, limit: int = 200) -> list[Held]:
    """Return the conversations that the agent does not hold, those that wait longest first."""
    async with conn.cursor(row_factory=class_row(Held)) as cursor:
        await cursor.execute(
            """SELECT c.id, c.channel_id, c.holder, p.name AS customer_name, a.name AS person_name, c.held_since,
                      c.handoff_reason AS reason, c.handoff_summary AS summary, c.waits_since, c.last_text
               FROM conversation c JOIN contact p ON p.id = c.contact_id LEFT JOIN person a ON a.id = c.assignee_id
               WHERE c.holder <> 'agent' ORDER BY c.waits_since NULLS LAST, c.held_since LIMIT %s""",
            (limit,),
        )
        return await cursor.fetchall()
