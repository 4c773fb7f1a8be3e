"""The holder of a conversation: agent, person or another app. The agent is silent unless it holds the conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.conversations import ANSWERED_BY_PEOPLE
from gateway.store.database import OUTBOX, Connection, notify


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation that a person or another app holds."""

    id: UUID
    channel_id: str
    holder: str
    customer_name: str | None
    held_since: datetime
    reason: str | None
    summary: str | None
    waits_since: datetime | None  # the oldest message that nobody has answered
    last_text: str | None


async def take(
    conn: Connection, conversation_id: UUID, holder: str, *, reason: str | None = None, summary: str | None = None
) -> bool:
    """Give a conversation to a person or an app; return False where it does not exist.

    Messages that the agent has queued there are not sent, and a turn in progress ends without a reply (`turns.end`).
    """
    cursor = await conn.execute(
        """UPDATE conversation SET holder = %s, held_since = coalesce(held_since, now()), held_until = NULL,
                  handoff_reason = coalesce(%s, handoff_reason), handoff_summary = coalesce(%s, handoff_summary)
           WHERE id = %s""",
        (holder, reason, summary, conversation_id),
    )
    await silence(conn, conversation_id)
    return bool(cursor.rowcount)


async def silence(conn: Connection, conversation_id: UUID) -> None:
    """Fail the messages that the agent has queued in a conversation that it does not hold."""
    await conn.execute(
        """UPDATE message m SET status = 'failed', error = 'not sent: the agent no longer holds the conversation'
           FROM conversation c WHERE c.id = %s AND c.holder <> 'agent' AND m.conversation_id = c.id
             AND m.direction = 'out' AND m.author IN ('agent', 'gateway') AND m.status = 'queued'
             AND m.caller_key IS NULL""",
        (conversation_id,),
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
    """Note that we have controlled the thread since a time; the agent answers again unless a person holds it.

    Return False where later news is known; else the caller schedules the next turn (`schedule`).
    """
    cursor = await conn.execute(
        """UPDATE conversation SET control_at = %s WHERE id = %s AND (control_at IS NULL OR control_at <= %s)
           RETURNING holder = 'app' AND held_until IS NULL""",
        (at, conversation_id, at),
    )
    row = await cursor.fetchone()
    if row and row[0]:
        await hand_back(conn, conversation_id, at)
    return row is not None


async def message_to_us(conn: Connection, conversation_id: UUID, at: datetime) -> bool:
    """Note that a message came to us and not to the app that controlled the thread, which it therefore no longer does.

    Return whether control came back by this; then the caller schedules the next turn (`schedule`).
    """
    cursor = await conn.execute(
        "SELECT FROM conversation WHERE id = %s AND holder = 'app' AND held_until IS NULL AND control_at < %s",
        (conversation_id, at),
    )
    return bool(cursor.rowcount) and await control_returned(conn, conversation_id, at)


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
        await hand_back(conn, conversation_id)
    return expired


async def hand_back(conn: Connection, conversation_id: UUID, at: datetime | None = None) -> bool:
    """Return a conversation to the agent; False where there is no such conversation.

    at: since when it is the agent's; None: now. The caller schedules the next turn (`schedule`), which answers the
    messages that nobody has answered.
    """
    cursor = await conn.execute(
        """UPDATE conversation SET holder = 'agent', held_since = NULL, held_until = NULL, handoff_reason = NULL,
                  handoff_summary = NULL, freed_at = greatest(freed_at, coalesce(%s, now())) WHERE id = %s""",
        (at, conversation_id),
    )
    # A turn whose worker died is over: its reply would come too late.
    await conn.execute(
        """UPDATE turn t SET state = 'done', ended_at = now(), error = 'a person took over' FROM conversation c
           WHERE t.conversation_id = %s AND t.state = 'open' AND c.id = t.conversation_id
             AND (c.lease_until IS NULL OR c.lease_until < now())""",
        (conversation_id,),
    )
    return bool(cursor.rowcount)


async def reply(conn: Connection, conversation_id: UUID, content: dict[str, Any]) -> UUID | None:
    """Queue a person's message and give them the conversation; return its id, or None: no such conversation."""
    if not await take(conn, conversation_id, "person"):
        return None
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           VALUES (%s, 'out', 'person', %s, %s, 'queued', now()) RETURNING id""",
        (conversation_id, content["type"], Jsonb(content)),
    )
    row = await cursor.fetchone()
    await notify(conn, OUTBOX)
    return row[0] if row else None


async def held(conn: Connection, limit: int = 200) -> list[Held]:
    """Return the conversations that the agent does not hold, those that wait longest first."""
    async with conn.cursor(row_factory=class_row(Held)) as cursor:
        await cursor.execute(
            f"""SELECT c.id, c.channel_id, c.holder, p.name AS customer_name, c.held_since,
                      c.handoff_reason AS reason, c.handoff_summary AS summary, w.waits_since, w.last_text
               FROM conversation c JOIN contact p ON p.id = c.contact_id
               CROSS JOIN LATERAL (
                   SELECT min(m.created_at) AS waits_since,
                          (array_agg(m.content->>'text' ORDER BY m.created_at DESC))[1] AS last_text
                   FROM message m WHERE m.conversation_id = c.id AND m.awaits AND NOT {ANSWERED_BY_PEOPLE}) w
               WHERE c.holder <> 'agent' ORDER BY w.waits_since NULLS LAST, c.held_since LIMIT %s""",  # noqa: S608  # ours
            (limit,),
        )
        return await cursor.fetchall()
