"""Turns: all waiting messages of a customer, answered together, under a lease.

The lease is a token on the conversation. Only its holder may change the turn. The holder renews it, and every change
checks it, so that a worker that was suspended too long changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.customers.contacts import Key, trust
from gateway.store.database import OUTBOX, Connection, notified
from gateway.store.turns.usage import Usage, columns
from gateway.store.unanswered import TAKEN_OVER

_LONGEST_DEPARTMENT = 100


class LeaseLostError(Exception):
    """Another worker has taken the conversation over: stop, and change nothing."""


@dataclass(slots=True)
class Turn:
    """An open turn that this process holds."""

    id: UUID
    conversation_id: UUID
    attempts: int  # that failed so far
    posted: bool  # a run was requested: it may exist although its id is not known here
    run_id: UUID | None
    server: str | None  # address of the agent server that was asked for the run
    age: float  # seconds from its opening to this claim
    channel_id: str
    contact_id: UUID
    customer_name: str | None
    lease: UUID
    may_react: bool  # receipt may be shown by a reaction, which is tried once in a turn
    keys: list[Key] = field(default_factory=list)
    present: list[tuple[Key, datetime]] = field(default_factory=list)  # the current keys, each with its beginning
    former: list[Key] = field(default_factory=list)  # our ids of contacts that became part of this one
    verification: str = "verified"  # what data the customer's number may open, in the run contract's words
    inbound: list[dict[str, Any]] = field(default_factory=list)  # the run contract's items, in the customer's order
    newest_wamid: str | None = None
    since: list[dict[str, Any]] = field(default_factory=list)  # messages of the company since the agent's last turn
    unsent: UUID | None = None  # the previous turn, where its reply (or a part of its question) did not arrive
    early: bool = False  # the customer wrote some of this before the agent's last reply was sent whole
    claimed_at: float = field(default_factory=time.monotonic)

    @property
    def seconds_open(self) -> float:
        """The seconds since it was opened."""
        return self.age + time.monotonic() - self.claimed_at


async def claim(conn: Connection, limit: int, lease_seconds: float, channels: Collection[str]) -> list[Turn]:
    """Lease due conversations of these channels; open a turn with all waiting messages, or continue the open one.

    The input is read later (`turn_input.read`), which takes longer the more messages there are and locks nothing.
    """
    lease = uuid4()
    async with conn.transaction():
        conversations = await _lease(conn, lease, limit, lease_seconds, channels)
        if not conversations:
            return []
        await _open(conn, conversations)
        return await _held(conn, lease, conversations)


async def _lease(conn: Connection, lease: UUID, limit: int, seconds: float, channels: Collection[str]) -> list[UUID]:
    cursor = await conn.execute(
        """UPDATE conversation SET lease_owner = %s, lease_until = now() + make_interval(secs => %s)
           WHERE id IN (SELECT id FROM conversation
                        WHERE due_at <= now() AND holder = 'agent' AND channel_id = ANY(%s)
                          AND (lease_until IS NULL OR lease_until < now())
                        ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING id""",
        (lease, seconds, list(channels), limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def _open(conn: Connection, conversations: Sequence[UUID]) -> None:
    """Open a turn for each conversation without one, with the waiting messages as input; the others are not due."""
    await conn.execute(
        """WITH waiting AS (
               SELECT DISTINCT m.conversation_id AS id FROM message m
               WHERE m.awaits AND m.conversation_id = ANY(%(ids)s)),
           opened AS (
               INSERT INTO turn (conversation_id) SELECT id FROM waiting
               ON CONFLICT (conversation_id) WHERE state = 'open' DO NOTHING RETURNING id, conversation_id)
           UPDATE message m SET turn_id = opened.id, awaits = false FROM opened
           WHERE m.conversation_id = opened.conversation_id AND (
               m.awaits OR (m.direction = 'out' AND m.author IN ('person', 'app') AND m.turn_id IS NULL
                            AND NOT (m.status = 'failed' AND m.uncertain_at IS NULL)  -- it may have arrived
                            AND m.source <> 'history' AND m.amends IS NULL
                            AND m.type <> 'reaction' AND m.revoked_at IS NULL)
               OR (m.direction = 'out' AND m.author = 'gateway' AND m.type = 'template' AND m.turn_id IS NULL
                   AND m.status NOT IN ('queued', 'sending', 'failed') AND m.content ? 'text'))""",
        {"ids": list(conversations)},
    )
    await conn.execute(
        """UPDATE conversation c SET due_at = NULL, lease_owner = NULL, lease_until = NULL
           WHERE c.id = ANY(%s)
             AND NOT EXISTS (SELECT FROM turn t WHERE t.conversation_id = c.id AND t.state = 'open')""",
        (list(conversations),),
    )


async def _held(conn: Connection, lease: UUID, conversations: Sequence[UUID]) -> list[Turn]:
    """Return the turns under a lease, which these conversations have.

    Their reactions are noted as tried: a worker that dies must not repeat one.
    """
    async with conn.cursor(row_factory=class_row(Turn)) as cursor:
        await cursor.execute(
            """WITH held AS (
                   SELECT t.id, t.conversation_id, t.attempts, t.posted_at IS NOT NULL AS posted, t.run_id, t.server,
                          extract(epoch FROM now() - t.started_at)::float8 AS age, t.reacted_at IS NULL AS may_react,
                          c.channel_id, c.contact_id, p.name AS customer_name, c.lease_owner AS lease, c.due_at
                   FROM conversation c JOIN turn t ON t.conversation_id = c.id AND t.state = 'open'
                   JOIN contact p ON p.id = c.contact_id
                   WHERE c.id = ANY(%s) AND c.lease_owner = %s),
               tried AS (UPDATE turn SET reacted_at = now() FROM held WHERE turn.id = held.id AND held.may_react)
               SELECT id, conversation_id, attempts, posted, run_id, server, age, may_react, channel_id,
                      contact_id, customer_name, lease FROM held ORDER BY due_at""",
            (list(conversations), lease),
        )
        return await cursor.fetchall()


async def note_posting(conn: Connection, turn: Turn, server: str) -> int:
    """Note that a server is about to be asked for a run: from now on it may exist although its id is not known.

    Return the run's fence, which is higher than those of all earlier runs of the conversation. It is at least the time
    in microseconds, so that it is higher also where this database was restored from a backup and the agent's was not.
    """
    cursor = await conn.execute(
        """WITH held AS MATERIALIZED (
               UPDATE conversation
               SET fence = greatest(fence + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
               WHERE id = %s AND lease_owner = %s RETURNING fence),
           noted AS (
               UPDATE turn SET posted_at = now(), run_id = NULL, server = %s FROM held
               WHERE id = %s AND state = 'open' RETURNING 1)
           SELECT fence FROM held""",
        (turn.conversation_id, turn.lease, server, turn.id),
    )
    if (row := await cursor.fetchone()) is None:
        raise LeaseLostError
    return int(row[0])


async def note_run(conn: Connection, turn: Turn, run_id: UUID, server: str) -> None:
    """Note the run that answers this turn, and its server, by one statement that locks the conversation first."""
    cursor = await conn.execute(
        """WITH held AS MATERIALIZED (
               SELECT FROM conversation WHERE id = %(conversation)s AND lease_owner = %(lease)s FOR UPDATE),
           noted AS (
               UPDATE turn SET run_id = %(run)s, server = %(server)s FROM held WHERE id = %(turn)s AND state = 'open')
           SELECT FROM held""",
        {"conversation": turn.conversation_id, "lease": turn.lease, "turn": turn.id, "run": run_id, "server": server},
    )
    if not cursor.rowcount:
        raise LeaseLostError


async def _check(conn: Connection, turn: Turn) -> bool:
    """Lock the conversation and return whether the agent still holds it; raise LeaseLostError without the lease."""
    cursor = await conn.execute(
        "SELECT holder = 'agent' FROM conversation WHERE id = %s AND lease_owner = %s FOR UPDATE",
        (turn.conversation_id, turn.lease),
    )
    if (row := await cursor.fetchone()) is None:
        raise LeaseLostError
    return bool(row[0])


async def end(
    conn: Connection,
    turn: Turn,
    replies: Sequence[dict[str, Any]],
    *,
    error: str | None = None,
    handoff: Mapping[str, Any] | None = None,
    verified: bool = False,
    author: str = "agent",
    steps: Sequence[Mapping[str, Any]] = (),
    note: str | None = None,
    usage: Usage | None = None,
) -> bool:
    """End a turn and queue its replies, in the caller's transaction. With an error it failed; the replies apologise.

    A handoff gives the conversation to a person, after these replies. verified: the customer proved that the numbers
    of this turn are theirs; steps: what the agent did, for people; note: kept as the error of a turn that did not fail.
    Return False where somebody else has taken the conversation meanwhile: the agent then says nothing. The caller
    schedules the next turn in the same transaction (`schedule`).
    """
    ours = await _end(conn, turn, replies, error, "gateway" if error else author, steps, note, usage)
    if verified:
        await trust(conn, turn.contact_id, [key.value for key, _ in turn.present if key.kind == "wa_id"])
    if handoff and ours:
        await _hand_over(conn, turn, handoff)
    return ours


async def _end(
    conn: Connection, turn: Turn, replies: Sequence[dict[str, Any]], error: str | None, author: str,
    steps: Sequence[Mapping[str, Any]], note: str | None, usage: Usage | None,
) -> bool:  # fmt: skip
    """End a turn, queue its replies and give the conversation back, by one statement; return whether it is ours."""
    cursor = await conn.execute(
        f"""WITH held AS MATERIALIZED (
                SELECT holder = 'agent' AS ours FROM conversation
                WHERE id = %(conversation)s AND lease_owner = %(lease)s FOR UPDATE),
            ended AS (
                UPDATE turn SET state = %(state)s, ended_at = now(), steps = %(steps)s,
                       error = CASE WHEN held.ours OR %(state)s = 'failed' THEN %(error)s ELSE %(taken_over)s END,
                       model = coalesce(%(model)s, model), tokens_in = coalesce(%(tokens_in)s, tokens_in),
                       tokens_out = coalesce(%(tokens_out)s, tokens_out),
                       tokens_cached = coalesce(%(tokens_cached)s, tokens_cached)
                FROM held WHERE id = %(turn)s AND state = 'open' RETURNING held.ours),
            queued AS (
                INSERT INTO message (conversation_id, direction, author, type, content, turn_id, part, status, send_at)
                SELECT %(conversation)s, 'out', %(author)s, reply->>'type', reply, %(turn)s, place - 1, 'queued', now()
                FROM ended CROSS JOIN jsonb_array_elements(%(replies)s) WITH ORDINALITY AS given(reply, place)
                WHERE ended.ours ORDER BY place RETURNING 1),
            given_back AS (
                UPDATE conversation SET lease_owner = NULL, lease_until = NULL FROM ended
                WHERE id = %(conversation)s)
            SELECT ours, CASE WHEN EXISTS (SELECT FROM queued) THEN {notified(OUTBOX)} END FROM ended""",  # noqa: S608
        {
            "conversation": turn.conversation_id, "lease": turn.lease, "turn": turn.id,
            "state": "failed" if error else "done", "error": error or note, "taken_over": TAKEN_OVER,
            "steps": Jsonb([dict(step) for step in steps]), "author": author, "replies": Jsonb([*replies]),
            **columns(usage),
        },
    )  # fmt: skip
    if (row := await cursor.fetchone()) is None:
        raise LeaseLostError
    return bool(row[0])


async def failed_in_a_row(conn: Connection, turn: Turn) -> int:
    """Return how many turns of this conversation failed one after the other before this one."""
    cursor = await conn.execute(
        """SELECT count(*) FROM turn WHERE conversation_id = %(id)s AND state = 'failed' AND started_at > coalesce(
               (SELECT max(started_at) FROM turn WHERE conversation_id = %(id)s AND state = 'done'), '-infinity')""",
        {"id": turn.conversation_id},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _hand_over(conn: Connection, turn: Turn, handoff: Mapping[str, Any]) -> None:
    await conn.execute(
        """UPDATE conversation SET holder = 'person', held_since = now(), handoff_reason = %s, handoff_summary = %s,
                  department = coalesce(%s, department) WHERE id = %s""",
        (
            str(handoff.get("reason") or ""), str(handoff.get("summary") or ""),
            str(handoff.get("department") or "").strip()[:_LONGEST_DEPARTMENT] or None, turn.conversation_id,
        ),
    )  # fmt: skip


async def retry(conn: Connection, turn: Turn, error: str, delay: float, *, failed: bool) -> None:
    """Release the turn, to be tried again after a delay. failed: whether this attempt counts."""
    async with conn.transaction():
        await _check(conn, turn)
        await conn.execute(
            """UPDATE turn SET attempts = attempts + %s, error = %s, run_id = CASE WHEN %s THEN NULL ELSE run_id END
               WHERE id = %s""",
            (int(failed), error, failed, turn.id),
        )
        await conn.execute(
            """UPDATE conversation SET lease_owner = NULL, lease_until = NULL,
                                       due_at = now() + make_interval(secs => %s) WHERE id = %s""",
            (delay, turn.conversation_id),
        )


async def next_due(conn: Connection, channels: Collection[str]) -> float | None:
    """Seconds until the next conversation is due or its lease runs out; None when nothing waits."""
    cursor = await conn.execute(
        """SELECT extract(epoch FROM min(greatest(due_at, lease_until)) - now())::float8
           FROM conversation WHERE due_at IS NOT NULL AND holder = 'agent' AND channel_id = ANY(%s)""",
        (list(channels),),
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else max(0.0, row[0])
