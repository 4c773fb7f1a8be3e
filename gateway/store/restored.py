"""The first thing after a restore: nothing that the backup holds as under way goes on by itself.

It went on after the backup was made, and nobody knows how far: repeated, customers would read answers twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gateway.store.database import WAKEUPS, Connection
from gateway.store.outbox.doubts import MAX_RESENDS
from gateway.store.unanswered import RESTORED, take_up_failed

#: The error of a message that the backup holds as one to be sent.
SENT_OR_NOT = "restored from a backup: it may have been sent after the backup was made"


class WorkersLiveError(Exception):
    """Processes of `gateway work` use this database."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Numbers of the rows that were settled."""

    messages: int
    turns: int
    conversations: int
    events: int


async def finish(conn: Connection, reason: str) -> Finished:
    """Settle all that the backup holds as under way, and have these conversations wait for a person.

    Messages become uncertain and are not sent again, whatever the policy. Open turns end. Items of webhooks that were
    not taken in stay as failed ones, for a replay by a person. reason: shown to people, in their language. A second
    call changes nothing. Raises WorkersLiveError.
    """
    async with conn.transaction():
        await _require_no_worker(conn)
        doubted = await _doubt_messages(conn)
        ended = await _end_turns(conn)
        events = await conn.execute(
            "UPDATE event SET state = 'failed', note = %s, processed_at = now() WHERE state = 'new'", (RESTORED,)
        )
        await conn.execute("UPDATE message SET window_handled = true WHERE status = 'failed' AND NOT window_handled")
        await take_up_failed(conn, None)
        waiting = await _have_wait(conn, {*doubted, *ended}, reason)
    return Finished(len(doubted), len(ended), waiting, events.rowcount)


async def _require_no_worker(conn: Connection) -> None:
    cursor = await conn.execute(
        "SELECT FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()", (WAKEUPS,)
    )
    if cursor.rowcount:
        raise WorkersLiveError


async def _doubt_messages(conn: Connection) -> list[UUID]:
    """Make all messages that are to be sent uncertain; return the conversation of each."""
    cursor = await conn.execute(
        """UPDATE message SET status = 'uncertain', uncertain_at = now(), lease_until = NULL, offered = true, error = %s
           WHERE direction = 'out' AND status IN ('queued', 'sending') RETURNING conversation_id""",
        (SENT_OR_NOT,),
    )
    # Those that were uncertain before the backup too: the policy `resend` would send them once more.
    await conn.execute("UPDATE message SET resends = %s WHERE status = 'uncertain'", (MAX_RESENDS,))
    return [row[0] for row in await cursor.fetchall()]


async def _end_turns(conn: Connection) -> list[UUID]:
    """End all open turns; return the conversation of each."""
    cursor = await conn.execute(
        """UPDATE turn SET state = 'done', ended_at = now(), error = %s WHERE state = 'open'
           RETURNING conversation_id""",
        (RESTORED,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def _have_wait(conn: Connection, settled: set[UUID], reason: str) -> int:
    """Have these conversations, and those whose customers wait for the agent, wait for a person; return their number.

    A conversation that another app controls at Meta stays with it, and one that a person has taken stays theirs.
    """
    cursor = await conn.execute(
        """UPDATE conversation c SET holder = 'person', held_since = coalesce(held_since, now()), held_until = NULL,
                  snoozed_until = NULL, handoff_reason = coalesce(handoff_reason, %(reason)s), due_at = NULL,
                  lease_owner = NULL, lease_until = NULL
           WHERE (c.holder <> 'app' AND c.id = ANY(%(settled)s))
              OR (c.holder = 'agent' AND EXISTS (
                    SELECT FROM message m WHERE m.conversation_id = c.id AND m.awaits AND NOT m.dismissed))""",
        {"reason": reason, "settled": list(settled)},
    )
    return cursor.rowcount
