"""What is to be sent, in order within a conversation, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.customers.contacts import Key, keys_of_all
from gateway.store.database import OUTBOX, Connection, notify

#: For how long (seconds) an uncertain message keeps back what follows it.
DOUBT_SECONDS = 5.0
MOST_RESENDS = 2
_SHOWN_DAYS = 7  # for which messages that were given up are shown
_GIVEN_UP = "no word from Meta within the wait: it may have arrived or not"


@dataclass(slots=True)
class Outbound:
    """A message that this process is about to send."""

    id: UUID
    conversation_id: UUID
    channel_id: str
    contact_id: UUID
    type: str
    content: dict[str, Any]
    attempts: int  # this one included
    since_inbound: float | None  # seconds from the arrival of what it answers until now
    since_customer: float | None  # seconds since the customer's last word, which opened Meta's window
    keys: list[Key] | None = None
    claimed_at: float = field(default_factory=time.monotonic)


async def claim(conn: Connection, limit: int, lease_seconds: float, channels: Collection[str]) -> list[Outbound]:
    """Take the head of each conversation's queue, where nothing before it is still on its way.

    An uncertain message keeps what follows back for a few seconds only, in which most doubts settle themselves.
    """
    async with conn.transaction():
        async with conn.cursor(row_factory=class_row(Outbound)) as cursor:
            await cursor.execute(
                """WITH head AS (
                       SELECT m.id FROM message m JOIN conversation c ON c.id = m.conversation_id
                       WHERE m.status = 'queued' AND m.send_at <= now() AND c.channel_id = ANY(%(channels)s)
                         AND NOT EXISTS (SELECT FROM message b WHERE b.conversation_id = m.conversation_id
                                         AND b.seq < m.seq AND (b.status IN ('queued', 'sending')
                                           OR (b.status = 'uncertain'
                                               AND b.uncertain_at > now() - make_interval(secs => %(doubt)s))))
                       ORDER BY m.send_at LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED)
                   UPDATE message m SET status = 'sending', attempts = attempts + 1, offered = false,
                                        lease_until = now() + make_interval(secs => %(lease)s)
                   FROM head, conversation c WHERE m.id = head.id AND c.id = m.conversation_id
                   RETURNING m.id, m.conversation_id, c.channel_id, c.contact_id, m.type, m.content, m.attempts,
                       extract(epoch FROM now() - (SELECT max(i.created_at) FROM message i
                           WHERE i.turn_id = m.turn_id AND i.direction = 'in'))::float8 AS since_inbound,
                       extract(epoch FROM now() - c.last_inbound_at)::float8 AS since_customer""",
                {"channels": list(channels), "limit": limit, "lease": lease_seconds, "doubt": DOUBT_SECONDS},
            )
            messages = await cursor.fetchall()
        keys = await keys_of_all(conn, {message.contact_id for message in messages})
        for message in messages:
            message.keys = keys[message.contact_id]
        return messages


async def offering(conn: Connection, message: Outbound, lease_seconds: float) -> bool:
    """Note, under a fresh lease, that Meta is asked now; False: the message is no longer this sender's."""
    cursor = await conn.execute(
        """UPDATE message SET offered = true, lease_until = now() + make_interval(secs => %s)
           WHERE id = %s AND status = 'sending' AND attempts = %s""",
        (lease_seconds, message.id, message.attempts),
    )
    return bool(cursor.rowcount)


async def accepted(conn: Connection, message_id: UUID, wamid: str) -> None:
    """Meta has taken the message under this wamid."""
    await conn.execute(
        """UPDATE message SET wamid = %s, sent_at = now(), error = NULL, error_code = NULL, uncertain_at = NULL,
                  status = CASE WHEN status IN ('queued', 'sending', 'uncertain') THEN 'accepted' ELSE status END
           WHERE id = %s""",
        (wamid, message_id),
    )
    await notify(conn, OUTBOX)


async def record(
    conn: Connection, message_id: UUID, conversation_id: UUID, content: dict[str, Any], wamid: str
) -> None:
    """Keep a message that went out beside the queue, and that Meta has taken under this wamid."""
    await conn.execute(
        """INSERT INTO message (id, conversation_id, direction, author, wamid, type, content, status, sent_at)
           VALUES (%s, %s, 'out', 'gateway', %s, %s, %s, 'accepted', now())""",
        (message_id, conversation_id, wamid, content["type"], Jsonb(content)),
    )


async def say(conn: Connection, message_id: UUID, text: str) -> None:
    """Keep in words what a message shows."""
    await conn.execute(
        "UPDATE message SET content = jsonb_set(content, '{text}', to_jsonb(%s::text)) WHERE id = %s",
        (text, message_id),
    )


async def by_key(conn: Connection, key: str) -> tuple[UUID, str] | None:
    """Id and state of the message that was queued under a caller's key."""
    cursor = await conn.execute("SELECT id, status FROM message WHERE caller_key = %s", (key,))
    return await cursor.fetchone()


async def queue_once(conn: Connection, conversation_id: UUID, content: dict[str, Any], key: str) -> UUID | None:
    """Queue a message under a caller's key; its id, None: the key is taken."""
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, type, content, caller_key, status, send_at)
           VALUES (%s, 'out', 'gateway', %s, %s, %s, 'queued', now()) ON CONFLICT (caller_key) DO NOTHING
           RETURNING id""",
        (conversation_id, content["type"], Jsonb(content), key),
    )
    row = await cursor.fetchone()
    await notify(conn, OUTBOX)
    return row[0] if row else None


async def again(conn: Connection, message: Outbound, delay: float, code: int | None, error: str) -> None:
    """Meta has certainly not sent the message: queue it again, not before a delay in seconds."""
    await _leave_sending(conn, message, "queued", delay, code, error)


async def postponed(conn: Connection, message: Outbound, delay: float) -> None:
    """The message was not offered to Meta, or only to be told that nothing goes out now: no attempt was made."""
    await conn.execute(
        """UPDATE message SET status = 'queued', send_at = now() + make_interval(secs => %s), lease_until = NULL,
                  offered = true, attempts = attempts - 1 WHERE id = %s AND status = 'sending' AND attempts = %s""",
        (delay, message.id, message.attempts),
    )


async def uncertain(conn: Connection, message: Outbound, code: int | None, error: str) -> None:
    """Nobody knows whether Meta has the message; a status may tell."""
    await conn.execute(
        """UPDATE message SET status = 'uncertain', uncertain_at = now(), error_code = %s, error = %s,
                  lease_until = NULL WHERE id = %s AND status = 'sending' AND attempts = %s""",
        (code, error, message.id, message.attempts),
    )


async def failed(conn: Connection, message: Outbound, code: int | None, error: str) -> None:
    """Meta will never send the message."""
    await _leave_sending(conn, message, "failed", 0, code, error)
    await notify(conn, OUTBOX)


async def _leave_sending(
    conn: Connection, message: Outbound, status: str, delay: float, code: int | None, error: str
) -> None:
    # Only of this attempt, also where it took so long to note that the message counts as uncertain already. A status
    # of Meta that named the message meanwhile knows better.
    await conn.execute(
        """UPDATE message SET status = %s, send_at = now() + make_interval(secs => %s), error_code = %s, error = %s,
                  lease_until = NULL, uncertain_at = NULL, offered = true
           WHERE id = %s AND status IN ('sending', 'uncertain') AND attempts = %s""",
        (status, delay, code, error, message.id, message.attempts),
    )


@dataclass(frozen=True, slots=True)
class Expired:
    """What was left alone for too long, as numbers of messages.

    unsent: their senders died before they asked Meta; dead: afterwards; resent, given_up: uncertain ones whose wait is
    over.
    """

    unsent: int
    dead: int
    resent: int
    given_up: int


async def expire(conn: Connection, wait: float, *, resend: bool, attempts: int) -> Expired:
    """Settle what dead senders left, and decide about the uncertain whose wait (seconds) is over.

    resend: send these again, twice at most; attempts: of a message whose senders die before they ask.
    """
    unsent = await conn.execute(
        """UPDATE message SET status = CASE WHEN attempts < %s THEN 'queued' ELSE 'failed' END, send_at = now(),
                  lease_until = NULL, offered = true, error = 'its sender died before it asked Meta'
           WHERE status = 'sending' AND lease_until < now() AND NOT offered""",
        (attempts,),
    )
    dead = await conn.execute(
        """UPDATE message SET status = 'uncertain', uncertain_at = now(), lease_until = NULL,
                  error = 'the sender died in the act' WHERE status = 'sending' AND lease_until < now()""",
    )
    decided = await conn.execute(
        """UPDATE message SET send_at = now(),
                  status = CASE WHEN %(resend)s AND resends < %(most)s THEN 'queued' ELSE 'failed' END,
                  resends = resends + CASE WHEN %(resend)s AND resends < %(most)s THEN 1 ELSE 0 END,
                  error = CASE WHEN %(resend)s AND resends < %(most)s THEN error ELSE %(given_up)s END
           WHERE status = 'uncertain' AND coalesce(uncertain_at, created_at) <= now() - make_interval(secs => %(wait)s)
           RETURNING status""",
        {"resend": resend, "most": MOST_RESENDS, "wait": wait, "given_up": _GIVEN_UP},
    )
    states = [row[0] for row in await decided.fetchall()]
    if unsent.rowcount or states:
        await notify(conn, OUTBOX)
    return Expired(unsent.rowcount, dead.rowcount, states.count("queued"), states.count("failed"))


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A message of which nobody knows whether it arrived. state: `uncertain` (a status may still tell) or `failed`."""

    id: UUID
    conversation_id: UUID
    customer_name: str | None
    state: str
    since: datetime


async def in_doubt(conn: Connection, limit: int = 200) -> list[InDoubt]:
    """Messages in doubt, and those that were given up within the last days, newest first."""
    async with conn.cursor(row_factory=class_row(InDoubt)) as cursor:
        await cursor.execute(
            """SELECT m.id, m.conversation_id, p.name AS customer_name, m.status AS state, m.uncertain_at AS since
               FROM message m JOIN conversation c ON c.id = m.conversation_id JOIN contact p ON p.id = c.contact_id
               WHERE m.status IN ('uncertain', 'failed') AND m.uncertain_at IS NOT NULL
                 AND (m.status = 'uncertain' OR m.send_at > now() - make_interval(days => %s))
               ORDER BY m.uncertain_at DESC LIMIT %s""",
            (_SHOWN_DAYS, limit),
        )
        return await cursor.fetchall()


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a status of Meta says about a message of ours; channel_id: the number that it came for."""

    channel_id: str
    wamid: str
    callback: str | None  # our message id, echoed
    status: str
    error_code: int | None
    error: str | None
    pricing: dict[str, Any] | None


async def apply_status(conn: Connection, change: StatusChange, advance: Callable[[str, str], str]) -> bool:
    """Move a message by a status of any of its sends, never back; False when no message of ours is meant."""
    message_id, current, wamid = await _find(conn, change)
    if message_id is None:
        return False
    if change.status == "failed" and wamid not in (None, change.wamid):
        return True  # one of its sends failed, another one stands
    state = advance(current, change.status)
    await conn.execute(
        """UPDATE message SET wamid = coalesce(wamid, %s), status = %s, sent_at = coalesce(sent_at, now()),
                  error_code = coalesce(%s, error_code), error = coalesce(%s, error),
                  uncertain_at = CASE WHEN %s THEN uncertain_at END, pricing = coalesce(%s, pricing) WHERE id = %s""",
        (
            change.wamid, state, change.error_code, change.error, state == "uncertain",
            Jsonb(change.pricing) if change.pricing else None, message_id,
        ),
    )  # fmt: skip
    if current in ("queued", "sending", "uncertain"):
        await notify(conn, OUTBOX)
    return True


async def _find(conn: Connection, change: StatusChange) -> tuple[UUID | None, str, str | None]:
    try:
        ours = UUID(change.callback) if change.callback else None
    except ValueError:
        ours = None  # somebody else's callback data
    cursor = await conn.execute(
        """SELECT m.id, m.status, m.wamid FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.direction = 'out' AND (m.wamid = %s OR m.id = %s) AND c.channel_id = %s
           ORDER BY (m.id = %s) DESC LIMIT 1 FOR UPDATE OF m""",
        (change.wamid, ours, change.channel_id, ours),
    )
    return await cursor.fetchone() or (None, "", None)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and for how long (seconds)."""

    events: int
    events_age: float
    due: int
    due_age: float
    queued: int
    queued_age: float
    uncertain: int


async def backlog(conn: Connection) -> Backlog:
    """Count what waits in the three queues."""
    async with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        await cursor.execute(
            """SELECT * FROM
                 (SELECT count(*) AS events,
                         coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS events_age
                  FROM event WHERE state = 'new' AND (due_at IS NULL OR due_at <= now())) e,
                 (SELECT count(*) AS due, coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS due_age
                  FROM conversation WHERE due_at <= now() AND holder = 'agent'
                    AND (lease_until IS NULL OR lease_until < now())) d,
                 (SELECT count(*) FILTER (WHERE status = 'queued') AS queued,
                         coalesce(extract(epoch FROM now() - min(created_at)
                             FILTER (WHERE status = 'queued')), 0)::float8 AS queued_age,
                         count(*) FILTER (WHERE status = 'uncertain') AS uncertain
                  FROM message WHERE status IN ('queued', 'uncertain')) o"""
        )
        row = await cursor.fetchone()
        if row is None:
            raise LookupError("an aggregate without a row")
        return row
