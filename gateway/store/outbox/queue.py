"""The queue of messages to send: in order within a conversation, each with its state."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.customers.contacts import Key
from gateway.store.database import OUTBOX, Connection, notified, notify
from gateway.store.ownership import wait_again
from gateway.store.unanswered import SILENCED

#: Seconds for which an uncertain message keeps back the messages that follow it.
DOUBT_SECONDS = 5.0


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
    since_customer: float | None  # seconds since the customer last wrote or called, which opened Meta's window
    keys: list[Key] | None = None
    claimed_at: float = field(default_factory=time.monotonic)


async def claim(conn: Connection, limit: int, lease_seconds: float, channels: Collection[str]) -> list[Outbound]:
    """Take the first message of each conversation's queue where no earlier message is still being sent.

    An uncertain message keeps back the next one for a few seconds only, in which most cases become certain.
    """
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
                   extract(epoch FROM now() - c.last_inbound_at)::float8 AS since_customer,
                   ARRAY(SELECT ARRAY[kind, value] FROM contact_key k WHERE k.contact_id = c.contact_id
                         ORDER BY since, created_at, kind, value) AS keys""",
            {"channels": list(channels), "limit": limit, "lease": lease_seconds, "doubt": DOUBT_SECONDS},
        )
        messages = await cursor.fetchall()
    for message in messages:
        message.keys = [Key(*pair) for pair in message.keys or ()]
    return messages


async def any_left(conn: Connection) -> bool:
    """Return whether a message waits for its time or for an earlier one, or is being sent and may come back."""
    cursor = await conn.execute("SELECT FROM message WHERE status IN ('queued', 'sending') LIMIT 1")
    return bool(cursor.rowcount)


# Whether the agent may speak: a fallback template goes where the message goes that it replaces; a caller's template
# goes always; and the last words of a turn that called a person go as long as nobody has taken the conversation. The
# conversation is locked: a person who takes it comes before or after it, and nothing of the agent is offered later.
_MAY_SPEAK = """WITH c AS (
        SELECT id, holder, state, held_since FROM conversation WHERE id = %(conversation)s FOR SHARE),
    may AS (SELECT c.holder = 'agent' OR m.caller_key IS NOT NULL
                   OR coalesce(r.author, m.author) NOT IN ('agent', 'gateway')
                   OR (c.state = 'waiting' AND coalesce(r.created_at, m.created_at) = c.held_since) AS speak
            FROM c JOIN message m ON m.conversation_id = c.id LEFT JOIN message r ON r.id = m.replaces
            WHERE m.id = %(id)s)"""
_CLAIMED = "m.id = %(id)s AND m.status = 'sending' AND m.attempts = %(attempts)s"


async def mark_offered(conn: Connection, message: Outbound, lease_seconds: float) -> bool | None:
    """Note, under a new lease, that Meta is asked now; return False where another sender has the message.

    Return None where the agent may not speak any more: its message has failed.
    """
    given = {
        "conversation": message.conversation_id, "id": message.id, "attempts": message.attempts,
        "lease": lease_seconds, "silenced": SILENCED,
    }  # fmt: skip
    offered = await conn.execute(
        f"""{_MAY_SPEAK} UPDATE message m SET offered = true, lease_until = now() + make_interval(secs => %(lease)s)
            FROM may WHERE may.speak AND {_CLAIMED}""",  # noqa: S608  # constants
        given,
    )
    if offered.rowcount:
        return True
    async with conn.transaction():
        silenced = await conn.execute(
            f"""{_MAY_SPEAK} UPDATE message m SET offered = true, lease_until = NULL, status = 'failed',
                       error = %(silenced)s
                FROM may WHERE NOT may.speak AND {_CLAIMED} RETURNING m.turn_id""",  # noqa: S608  # constants
            given,
        )
        if (row := await silenced.fetchone()) is None:
            return False
        await wait_again(conn, message.conversation_id, [row[0]])
        await notify(conn, OUTBOX)
        return None


async def mark_accepted(conn: Connection, message_id: UUID, wamid: str) -> None:
    """Note that Meta has accepted the message under this wamid; the next one of its conversation may leave.

    One that was given up in doubt meanwhile was accepted, too; one that Meta has failed meanwhile stays so.
    """
    await conn.execute(
        f"""WITH accepted AS (
                UPDATE message SET wamid = %s, sent_at = now(), uncertain_at = NULL,
                       error = CASE WHEN status = 'failed' AND uncertain_at IS NULL THEN error END,
                       error_code = CASE WHEN status = 'failed' AND uncertain_at IS NULL THEN error_code END,
                       status = CASE WHEN status IN ('queued', 'sending', 'uncertain')
                                       OR (status = 'failed' AND uncertain_at IS NOT NULL)
                                     THEN 'accepted' ELSE status END
                WHERE id = %s RETURNING conversation_id)
            SELECT {notified(OUTBOX)} FROM accepted WHERE EXISTS (
                SELECT FROM message q WHERE q.conversation_id = accepted.conversation_id AND q.status = 'queued')""",  # noqa: S608
        (wamid, message_id),
    )


async def queue_of_person(
    conn: Connection, conversation_id: UUID, content: dict[str, Any], person_id: UUID | None
) -> UUID:
    """Queue a person's message (None: the command line's); return its id."""
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, type, content, person_id, status, send_at)
           VALUES (%s, 'out', 'person', %s, %s, %s, 'queued', now()) RETURNING id""",
        (conversation_id, content["type"], Jsonb(content), person_id),
    )
    row = await cursor.fetchone()
    await notify(conn, OUTBOX)
    return row[0]  # type: ignore[index,no-any-return]


async def record(
    conn: Connection, message_id: UUID, conversation_id: UUID, content: dict[str, Any], wamid: str
) -> None:
    """Record a message that was sent without the queue and that Meta has accepted under this wamid."""
    await conn.execute(
        """INSERT INTO message (id, conversation_id, direction, author, wamid, type, content, status, sent_at)
           VALUES (%s, %s, 'out', 'gateway', %s, %s, %s, 'accepted', now())""",
        (message_id, conversation_id, wamid, content["type"], Jsonb(content)),
    )


async def set_text(conn: Connection, message_id: UUID, text: str) -> None:
    """Record the text that a message shows."""
    await conn.execute(
        "UPDATE message SET content = jsonb_set(content, '{text}', to_jsonb(%s::text)) WHERE id = %s",
        (text, message_id),
    )


async def by_key(conn: Connection, key: str) -> tuple[UUID, str] | None:
    """Return id and state of the message that was queued under a caller's key, or None."""
    cursor = await conn.execute("SELECT id, status FROM message WHERE caller_key = %s", (key,))
    return await cursor.fetchone()


async def queue_once(conn: Connection, conversation_id: UUID, content: dict[str, Any], key: str) -> UUID | None:
    """Queue a message under a caller's key; return its id, or None where the key is taken."""
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, type, content, caller_key, status, send_at)
           VALUES (%s, 'out', 'gateway', %s, %s, %s, 'queued', now()) ON CONFLICT (caller_key) DO NOTHING
           RETURNING id""",
        (conversation_id, content["type"], Jsonb(content), key),
    )
    row = await cursor.fetchone()
    await notify(conn, OUTBOX)
    return row[0] if row else None


async def retry(conn: Connection, message: Outbound, delay: float, code: int | None, error: str) -> None:
    """Queue again a message that Meta has certainly not sent, to be tried after a delay in seconds."""
    await _leave_sending(conn, message, "queued", delay, code, error)


async def postpone(conn: Connection, message: Outbound, delay: float) -> None:
    """Queue a message again without counting an attempt: Meta was not asked, or sends nothing at present."""
    await conn.execute(
        """UPDATE message SET status = 'queued', send_at = now() + make_interval(secs => %s), lease_until = NULL,
                  offered = true, attempts = attempts - 1 WHERE id = %s AND status = 'sending' AND attempts = %s""",
        (delay, message.id, message.attempts),
    )


async def mark_uncertain(conn: Connection, message: Outbound, code: int | None, error: str) -> None:
    """Note that nobody knows whether Meta has the message; a later status may tell."""
    await conn.execute(
        """UPDATE message SET status = 'uncertain', uncertain_at = now(), error_code = %s, error = %s,
                  lease_until = NULL WHERE id = %s AND status = 'sending' AND attempts = %s""",
        (code, error, message.id, message.attempts),
    )


async def mark_failed(conn: Connection, message: Outbound, code: int | None, error: str) -> None:
    """Note that Meta will never send the message."""
    await _leave_sending(conn, message, "failed", 0, code, error)
    await notify(conn, OUTBOX)


async def _leave_sending(
    conn: Connection, message: Outbound, status: str, delay: float, code: int | None, error: str
) -> None:
    # Applies to this attempt only, and also where noting it took so long that the message counts as uncertain already.
    # A status of Meta that named the message meanwhile takes precedence.
    await conn.execute(
        """UPDATE message SET status = %s, send_at = now() + make_interval(secs => %s), error_code = %s, error = %s,
                  lease_until = NULL, uncertain_at = NULL, offered = true
           WHERE id = %s AND status IN ('sending', 'uncertain') AND attempts = %s""",
        (status, delay, code, error, message.id, message.attempts),
    )
