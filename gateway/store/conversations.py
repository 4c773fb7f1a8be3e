"""Conversations: their place, when their next turn is due, and their history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import TURNS, Connection, notified


def failed_at_meta(message: str) -> str:
    """Return the SQL of whether Meta failed a message, given by its alias, so that it is no answer.

    Outside Meta's 24 hours (131047) nothing else can be said; a message that was given up in doubt may have arrived.
    """
    return (
        f"({message}.status = 'failed' AND {message}.uncertain_at IS NULL"
        f" AND {message}.error_code IS DISTINCT FROM 131047)"
    )


#: Whether a person has answered a customer's message `m`: here when it was in the conversation already, or in the phone
#: app after it was written, whenever we learned of it. Within one second the order is not known: it is unanswered then.
#: A message that a person dismissed needs no answer.
ANSWERED_BY_PEOPLE = f"""(m.dismissed OR EXISTS (
    SELECT FROM message s WHERE s.conversation_id = m.conversation_id AND s.direction = 'out'
      AND s.author IN ('person', 'app') AND s.type NOT IN ('reaction', 'edit', 'revoke')
      AND NOT {failed_at_meta("s")}
      AND CASE s.author WHEN 'app' THEN s.sent_at > m.sent_at ELSE s.seq > m.seq END))"""


@dataclass(frozen=True, slots=True)
class Locked:
    """A conversation that is locked. controlled_since: since when another app controls its thread; None: none does."""

    id: UUID
    controlled_since: datetime | None

    def controlled_before(self, at: datetime) -> bool:
        """Return whether another app has controlled the thread since a time before this one."""
        return self.controlled_since is not None and self.controlled_since < at


async def locked(conn: Connection, channel_id: str, contact_id: UUID) -> Locked:
    """Return the customer's conversation on a channel; create it if needed, and lock it until the transaction ends."""
    async with conn.cursor(row_factory=class_row(Locked)) as cursor:
        await cursor.execute(
            """INSERT INTO conversation AS c (channel_id, contact_id) VALUES (%s, %s)
               ON CONFLICT (channel_id, contact_id) DO UPDATE SET channel_id = excluded.channel_id
               RETURNING id, CASE WHEN holder = 'app' AND held_until IS NULL THEN control_at END AS controlled_since""",
            (channel_id, contact_id),
        )
        return (await cursor.fetchall())[0]


async def conversation_for(conn: Connection, channel_id: str, contact_id: UUID) -> UUID:
    """Return the id of the customer's conversation on a channel, as `locked`."""
    return (await locked(conn, channel_id, contact_id)).id


@dataclass(frozen=True, slots=True)
class Place:
    """The number and the contact of a conversation."""

    channel_id: str
    contact_id: UUID


async def place(conn: Connection, conversation_id: UUID) -> Place | None:
    """Return the number and contact of a conversation, or None where it does not exist."""
    async with conn.cursor(row_factory=class_row(Place)) as cursor:
        await cursor.execute("SELECT channel_id, contact_id FROM conversation WHERE id = %s", (conversation_id,))
        return await cursor.fetchone()


@dataclass(frozen=True, slots=True)
class LastWritten:
    """The conversation in which a customer wrote last, and when."""

    conversation_id: UUID
    channel_id: str
    at: datetime


async def last_written(conn: Connection, contact_id: UUID) -> LastWritten | None:
    """Return where a customer wrote last; None where they never wrote."""
    async with conn.cursor(row_factory=class_row(LastWritten)) as cursor:
        await cursor.execute(
            """SELECT id AS conversation_id, channel_id, last_inbound_at AS at FROM conversation
               WHERE contact_id = %s AND last_inbound_at IS NOT NULL ORDER BY last_inbound_at DESC LIMIT 1""",
            (contact_id,),
        )
        return await cursor.fetchone()


async def open_window(conn: Connection, conversation_id: UUID, at: datetime) -> None:
    """Note the customer's message or call, which opens Meta's 24-hour window."""
    await conn.execute(
        "UPDATE conversation SET last_inbound_at = greatest(last_inbound_at, %s) WHERE id = %s", (at, conversation_id)
    )


async def schedule(conn: Connection, conversation_id: UUID, *, seconds: float, at_most: float) -> None:
    """Set when the next turn is due, from the messages that wait and that no person has answered.

    It is due when the customer has been quiet for `seconds`, or `at_most` seconds after the first message. Media that
    is still being fetched keeps the turn back until its own limit. Where a turn is open, its retry decides instead.
    """
    await conn.execute(
        f"""WITH scheduled AS (
                UPDATE conversation c SET due_at = (
                    SELECT greatest(least(max(m.created_at) + make_interval(secs => %s),
                                          min(m.created_at) + make_interval(secs => %s)), max(d.wait_until))
                    FROM message m LEFT JOIN media d ON d.message_id = m.id AND d.status = 'pending'
                    WHERE m.conversation_id = c.id AND m.awaits AND NOT {ANSWERED_BY_PEOPLE})
                WHERE c.id = %s
                  AND NOT EXISTS (SELECT FROM turn t WHERE t.conversation_id = c.id AND t.state = 'open')
                RETURNING due_at)
            SELECT {notified(TURNS)} FROM scheduled WHERE due_at IS NOT NULL""",  # noqa: S608  # ours
        (seconds, at_most, conversation_id),
    )


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One message of a customer's history."""

    direction: str
    author: str
    kind: str
    content: dict[str, Any]
    timestamp: datetime


async def history(conn: Connection, contact_id: UUID, limit: int) -> list[HistoryItem]:
    """Return a customer's last messages on all channels, oldest first, as the agent may see them.

    Left out are messages that were not sent, were taken back, or were written in a group, and edits, which show in the
    messages that they changed.
    """
    async with conn.cursor(row_factory=class_row(HistoryItem)) as cursor:
        await cursor.execute(
            """SELECT * FROM (
                   SELECT m.direction, m.author, m.type AS kind, m.content,
                          coalesce(m.sent_at, m.created_at) AS timestamp
                   FROM message m JOIN conversation c ON c.id = m.conversation_id
                   WHERE c.contact_id = %s AND m.status <> 'failed'
                     AND NOT (m.author = 'gateway' AND m.type = 'reaction')
                     AND m.revoked_at IS NULL AND m.amends IS NULL AND m.group_id IS NULL
                   ORDER BY timestamp DESC, m.seq DESC LIMIT %s) last
               ORDER BY timestamp""",
            (contact_id, limit),
        )
        return await cursor.fetchall()
