"""Messages of which nobody knows whether they arrived: settle them, and list them for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import OUTBOX, Connection, notify

MAX_RESENDS = 2
_GIVEN_UP_LISTED_DAYS = 7
_GIVEN_UP = "no word from Meta within the wait: it may have arrived or not"


@dataclass(frozen=True, slots=True)
class Expired:
    """Numbers of messages whose time ran out.

    unsent: the sender died before it asked Meta; dead: it died afterwards; resent, given_up: uncertain messages whose
    wait is over.
    """

    unsent: int
    dead: int
    resent: int
    given_up: int


async def expire(conn: Connection, wait: float, *, resend: bool, attempts: int) -> Expired:
    """Settle the messages of dead senders, and decide about uncertain messages whose wait (seconds) is over.

    resend: send uncertain messages again, twice at most. attempts: the limit for a message whose senders die before
    they ask Meta.
    """
    unsent = await conn.execute(
        """UPDATE message SET status = CASE WHEN attempts < %s THEN 'queued' ELSE 'failed' END, send_at = now(),
                  lease_until = NULL, offered = true, error = 'its sender died before it asked Meta'
           WHERE status = 'sending' AND lease_until < now() AND NOT offered""",
        (attempts,),
    )
    dead = await conn.execute(
        """UPDATE message SET status = 'uncertain', uncertain_at = now(), lease_until = NULL,
                  error = 'its sender died while it asked Meta' WHERE status = 'sending' AND lease_until < now()""",
    )
    decided = await conn.execute(
        """UPDATE message SET send_at = now(),
                  status = CASE WHEN %(resend)s AND resends < %(most)s THEN 'queued' ELSE 'failed' END,
                  resends = resends + CASE WHEN %(resend)s AND resends < %(most)s THEN 1 ELSE 0 END,
                  error = CASE WHEN %(resend)s AND resends < %(most)s THEN error ELSE %(given_up)s END
           WHERE status = 'uncertain' AND coalesce(uncertain_at, created_at) <= now() - make_interval(secs => %(wait)s)
           RETURNING status""",
        {"resend": resend, "most": MAX_RESENDS, "wait": wait, "given_up": _GIVEN_UP},
    )
    states = [row[0] for row in await decided.fetchall()]
    if unsent.rowcount or states:
        await notify(conn, OUTBOX)
    return Expired(unsent.rowcount, dead.rowcount, states.count("queued"), states.count("failed"))


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A message that may have arrived or not. state: `uncertain` (a status may still tell) or `failed`."""

    id: UUID
    conversation_id: UUID
    customer_name: str | None
    state: str
    since: datetime


async def in_doubt(conn: Connection, limit: int = 200) -> list[InDoubt]:
    """Return messages in doubt, and those that were given up within the last days, newest first."""
    async with conn.cursor(row_factory=class_row(InDoubt)) as cursor:
        await cursor.execute(
            """SELECT m.id, m.conversation_id, p.name AS customer_name, m.status AS state, m.uncertain_at AS since
               FROM message m JOIN conversation c ON c.id = m.conversation_id JOIN contact p ON p.id = c.contact_id
               WHERE m.status IN ('uncertain', 'failed') AND m.uncertain_at IS NOT NULL
                 AND (m.status = 'uncertain' OR m.send_at > now() - make_interval(days => %s))
               ORDER BY m.uncertain_at DESC LIMIT %s""",
            (_GIVEN_UP_LISTED_DAYS, limit),
        )
        return await cursor.fetchall()
