"""Conversations and what customers wrote in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import TURNS, Connection, notify


@dataclass(frozen=True, slots=True)
class Quiet:
    """When a customer has finished: seconds without a new message, and at most so many since the first one."""

    seconds: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message of a customer."""

    wamid: str
    type: str
    content: dict[str, Any]  # the run contract's inbound item
    event_id: int
    sent_at: datetime
    received_at: datetime
    awaits: bool  # whether the agent has to answer it


async def conversation_for(conn: Connection, channel_id: str, contact_id: UUID) -> UUID:
    """The customer's conversation on a channel, made when there is none, and locked until the transaction ends."""
    cursor = await conn.execute(
        """INSERT INTO conversation (channel_id, contact_id) VALUES (%s, %s)
           ON CONFLICT (channel_id, contact_id) DO UPDATE SET channel_id = excluded.channel_id RETURNING id""",
        (channel_id, contact_id),
    )
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def add_inbound(conn: Connection, conversation_id: UUID, message: Inbound, quiet: Quiet) -> bool:
    """Add a message to a locked conversation and set when its turn is due; False when it is there already."""
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, wamid, type, content, event_id, awaits, status,
                                sent_at, created_at)
           VALUES (%s, 'in', 'customer', %s, %s, %s, %s, %s, 'received', %s, %s) ON CONFLICT (wamid) DO NOTHING""",
        (
            conversation_id, message.wamid, message.type, Jsonb(message.content), message.event_id, message.awaits,
            message.sent_at, message.received_at,
        ),
    )  # fmt: skip
    if not cursor.rowcount:
        return False
    await conn.execute(
        "UPDATE conversation SET last_inbound_at = greatest(last_inbound_at, %s) WHERE id = %s",
        (message.sent_at, conversation_id),
    )
    await schedule(conn, conversation_id, quiet)
    return True


async def schedule(conn: Connection, conversation_id: UUID, quiet: Quiet) -> None:
    """Set when the next turn is due, from what waits and no person has answered; an open turn's own retry decides."""
    await conn.execute(
        """UPDATE conversation c SET due_at = (
               SELECT least(max(m.created_at) + make_interval(secs => %s),
                            min(m.created_at) + make_interval(secs => %s))
               FROM message m WHERE m.conversation_id = c.id AND m.awaits AND m.created_at > coalesce(
                   (SELECT max(s.created_at) FROM message s WHERE s.conversation_id = c.id AND s.direction = 'out'
                    AND s.author IN ('person', 'app')), '-infinity'))
           WHERE c.id = %s AND NOT EXISTS (SELECT FROM turn t WHERE t.conversation_id = c.id AND t.state = 'open')""",
        (quiet.seconds, quiet.at_most, conversation_id),
    )
    await notify(conn, TURNS)


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One message of a customer's history."""

    direction: str
    author: str
    kind: str
    content: dict[str, Any]
    timestamp: datetime


async def history(conn: Connection, contact_id: UUID, limit: int) -> list[HistoryItem]:
    """A customer's last messages on all channels, oldest first; what was not sent is left out."""
    async with conn.cursor(row_factory=class_row(HistoryItem)) as cursor:
        await cursor.execute(
            """SELECT * FROM (
                   SELECT m.direction, m.author, m.type AS kind, m.content,
                          coalesce(m.sent_at, m.created_at) AS timestamp
                   FROM message m JOIN conversation c ON c.id = m.conversation_id
                   WHERE c.contact_id = %s AND m.status <> 'failed'
                     AND NOT (m.author = 'gateway' AND m.type = 'reaction')
                   ORDER BY timestamp DESC, m.seq DESC LIMIT %s) last
               ORDER BY timestamp""",
            (contact_id, limit),
        )
        return await cursor.fetchall()
