"""Replies that the closed 24-hour window keeps back, and the fallback template that is sent instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import OUTBOX, Connection, notify


@dataclass(frozen=True, slots=True)
class Refused:
    """A reply that Meta accepted and then failed because of the window (131047), and that has no fallback yet."""

    id: UUID
    conversation_id: UUID
    channel_id: str


async def refused(conn: Connection, limit: int) -> list[Refused]:
    """Return replies that need a fallback, oldest first."""
    async with conn.cursor(row_factory=class_row(Refused)) as cursor:
        await cursor.execute(
            """SELECT m.id, m.conversation_id, c.channel_id
               FROM message m JOIN conversation c ON c.id = m.conversation_id
               WHERE m.status = 'failed' AND m.error_code = 131047 AND NOT m.window_handled AND m.direction = 'out'
               ORDER BY m.seq LIMIT %s""",
            (limit,),
        )
        return await cursor.fetchall()


async def keep_back(
    conn: Connection, conversation_id: UUID, message_id: UUID, error: str, template: dict[str, Any] | None
) -> bool:
    """Fail a reply that the window keeps back, and queue a fallback template for it; return whether one was queued.

    One template replaces all replies that are kept back until the customer writes again, or for a day. None is queued
    where the agent no longer holds the conversation. A second call, or one for a message that was sent after all, does
    nothing.
    """
    async with conn.transaction():
        await conn.execute("SELECT FROM conversation WHERE id = %s FOR UPDATE", (conversation_id,))
        cursor = await conn.execute(
            """UPDATE message m SET status = 'failed', window_handled = true, error_code = 131047, error = %s,
                      lease_until = NULL FROM message before
               WHERE m.id = %s AND before.id = m.id AND NOT m.window_handled AND m.type <> 'template'
                 AND m.status IN ('sending', 'failed') RETURNING before.status""",
            (error, message_id),
        )
        row = await cursor.fetchone()
        if row is None:
            await _forget_template(conn, message_id)
            return False
        await notify(conn, OUTBOX)
        return template is not None and await _queue(conn, message_id, template, on_its_way=row[0] == "sending")


async def _forget_template(conn: Connection, message_id: UUID) -> None:
    # A template needs no window: where Meta refuses one for the window nevertheless, nothing can replace it.
    await conn.execute("UPDATE message SET window_handled = true WHERE id = %s AND status = 'failed'", (message_id,))


async def _queue(conn: Connection, message_id: UUID, template: dict[str, Any], *, on_its_way: bool) -> bool:
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, type, content, replaces, status, send_at)
           SELECT c.id, 'out', 'gateway', 'template', %(content)s, m.id, 'queued', now()
           FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.id = %(id)s AND (%(on_its_way)s OR c.holder = 'agent' OR m.author = 'person')
             AND NOT EXISTS (SELECT FROM message f WHERE f.conversation_id = c.id AND f.replaces IS NOT NULL
                             AND f.status <> 'failed'
                             AND f.created_at > greatest(c.last_inbound_at, now() - interval '1 day'))""",
        {"content": Jsonb(template), "id": message_id, "on_its_way": on_its_way},
    )
    return bool(cursor.rowcount)
