"""Turns: a due conversation becomes one run of the agent, and its replies become messages to send.

A turn is bounded by time over all its attempts. A failed run counts as an attempt, and so does a lost run that read
files of the customer: a message may be the cause. Failures that no message can cause do not count: an agent server
that is away or cannot reach its own database, or this database that is away. When the attempts or the time are used up
the customer gets one apology, and after three such turns in a row a person is called.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import psycopg
import structlog

from gateway.numbers.channels import Channel, Channels
from gateway.numbers.quiet_period import QuietPeriod
from gateway.outbox.replies import parts_of
from gateway.runtime.loops import ended
from gateway.runtime.telemetry import ERRORS, PROOFS, RUN, TOKENS, TURNS
from gateway.runtime.tracing import tracer
from gateway.store.database import Pool, is_away, may_pass
from gateway.store.inbox import media
from gateway.store.turns import turn_input
from gateway.store.turns import turns as store
from gateway.store.turns.turns import LeaseLostError, Turn
from gateway.store.turns.usage import LIMITED, Day, Usage, of_day
from gateway.turns import erasures
from gateway.turns.agent_server import Answer, RunFailedError
from gateway.turns.canned_texts import apology, handoff_reason, limit_reason, limited, unreadable
from gateway.turns.erasures import Way
from gateway.turns.leases import HeldTurns
from gateway.turns.run import Runs
from gateway.whatsapp.errors import InvalidMessage

log = structlog.get_logger(__name__)

#: Shows on the customer's phone that the message was read and that an answer is being written, until cancelled.
ShowPresence = Callable[[Channel, Turn], Coroutine[Any, Any, None]]

_NO_TRANSCRIPTS: Mapping[str, str] = MappingProxyType({})
_FAILURES_BEFORE_A_PERSON = 3
_CLAIM_BATCH = 50  # conversations leased at once
_FULL_SECONDS = 1.0  # that a worker without room waits for the end of a turn, before it looks whether it is to stop
_DATABASE_RETRY_SECONDS = 1.0  # until a turn goes on that the database interrupted
_MIN_ATTEMPT_SECONDS = 10.0  # for an attempt of an old turn, whose run may have ended long ago


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many turns a worker holds at once, and how long it tries (seconds)."""

    in_flight: int
    timeout: float
    attempts: int
    lease: float
    quiet: QuietPeriod
    retry_base: float = 2.0  # the n-th retry waits base ** n
    turns_per_day: int = 0  # of one customer; 0: any number
    tokens_per_day: int = 0


class Turns:
    """The turns that this process holds. `step` and `renew` are called in loops; `drain` gives all turns back.

    leases: the connections by which leases are renewed, and nothing else is done.
    """

    def __init__(
        self, pool: Pool, runs: Runs, channels: Channels, show_presence: ShowPresence, bounds: Bounds,
        *, leases: Pool,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._runs = runs
        self._channels = channels
        self._show_presence = show_presence
        self._bounds = bounds
        self._held = HeldTurns(leases, self._hold, bounds.lease)

    async def step(self) -> float:
        """Claim due conversations, as far as there is room; return the seconds until the next call."""
        channels = self._channels.all()
        room = min(_CLAIM_BATCH, self._bounds.in_flight - len(self._held))
        if room <= 0:
            await self._held.one_ends(_FULL_SECONDS)
            return 0.0
        async with self._pool.connection() as conn:
            # Most notifications are about conversations that are not due yet: one query instead of a transaction.
            due = await store.next_due(conn, channels)
            if due != 0:
                return self._bounds.lease if due is None else due
            turns = await store.claim(conn, room, self._bounds.lease, channels)
        for turn in turns:
            self._held.begin(turn)
        return 0.0

    async def renew(self) -> float:
        """Renew the leases of all turns held; return the seconds until the next renewal."""
        return await self._held.renew()

    async def drain(self) -> None:
        """Give all turns back."""
        await self._held.drain()

    # One turn ----------------------------------------------------------------------------------------------------

    async def _hold(self, turn: Turn) -> bool:
        """Answer a turn; return whether it is over. False: another worker has it, or will have it."""
        with (
            structlog.contextvars.bound_contextvars(turn_id=str(turn.id), conversation_id=str(turn.conversation_id)),
            tracer.start_as_current_span("turn", attributes={"turn.id": str(turn.id)}),
        ):
            while True:
                try:
                    await self._answer_or_fail(turn)
                except LeaseLostError:
                    log.warning("lease_lost")
                    return False
                except psycopg.Error as error:
                    ERRORS.labels("database").inc()
                    log.warning("turn_interrupted", error=type(error).__name__)
                    if not may_pass(error):
                        return False  # its lease runs out, and this or another worker continues it
                    await asyncio.sleep(_DATABASE_RETRY_SECONDS)
                else:
                    return True

    async def _answer_or_fail(self, turn: Turn) -> None:
        try:
            await self._answer(turn)
        except LeaseLostError:
            raise
        except Exception as error:
            over = turn.seconds_open >= self._bounds.timeout + _MIN_ATTEMPT_SECONDS
            if is_away(error) or (may_pass(error) and not over):
                raise
            # A defect of ours, or an answer that cannot be stored, must neither stop the worker nor block this
            # conversation for ever: it counts as an attempt.
            log.exception("turn_crashed")
            await self._failed_attempt(turn, self._channels.get(turn.channel_id), type(error).__name__)

    async def _answer(self, turn: Turn) -> None:
        async with self._pool.connection() as conn:
            await turn_input.read(conn, turn)
            day = await of_day(conn, turn.contact_id)
        channel = self._channels.get(turn.channel_id)
        if channel is None:
            await self._give_back(turn, "its channel is not configured any more", self._bounds.timeout, failed=False)
            return
        if not turn.posted and (text := unreadable(turn.inbound, channel.locale)):
            await self._say(turn, channel, text)
            return
        if not turn.posted and self._is_used_up(day):
            await self._limit(turn, channel, told=day.limited)
            return
        remaining = max(self._bounds.timeout - turn.seconds_open, _MIN_ATTEMPT_SECONDS)
        started = time.monotonic()
        try:
            async with self._with_presence(channel, turn), asyncio.timeout(remaining):
                answer = await self._runs.answer(turn, channel, remaining)
        except TimeoutError:
            await self._fail(turn, channel, "timeout")
        except RunFailedError as error:
            await self._failed_attempt(turn, channel, str(error))
        else:
            RUN.observe(time.monotonic() - started)
            await self._finish(turn, channel, answer)

    @asynccontextmanager
    async def _with_presence(self, channel: Channel, turn: Turn) -> AsyncIterator[None]:
        """Show the customer meanwhile that an answer is on its way; this ends before the answer is queued."""
        presence = asyncio.create_task(self._show_presence(channel, turn), name=f"presence-{turn.id}")
        try:
            yield
        finally:
            await ended([presence])

    async def _finish(self, turn: Turn, channel: Channel, answer: Answer) -> None:
        try:
            parts = parts_of(answer.replies)
        except InvalidMessage as error:
            await self._fail(turn, channel, f"invalid reply: {error}")
            return
        spoke = await self._end_turn(
            turn, channel, parts, handoff=answer.handoff, verified=answer.verified,
            steps=answer.steps, usage=answer.usage, transcripts=answer.transcripts, erasure=answer.erasure,
        )  # fmt: skip
        if answer.usage:
            _count(answer.usage)
        if answer.verified:
            PROOFS.labels("proven").inc()
        TURNS.labels(("handed_over" if answer.handoff else "done") if spoke else "silenced").inc()
        log.info("turn_done", replies=len(parts), silenced=not spoke, handed_over=bool(answer.handoff))

    async def _say(self, turn: Turn, channel: Channel, text: str) -> None:
        """Answer instead of the agent: no message of this turn can be read."""
        spoke = await self._end_turn(turn, channel, [{"type": "text", "text": text}], author="gateway")
        TURNS.labels("unreadable" if spoke else "silenced").inc()

    def _is_used_up(self, day: Day) -> bool:
        turns, tokens = self._bounds.turns_per_day, self._bounds.tokens_per_day
        return bool((turns and day.turns >= turns) or (tokens and day.tokens >= tokens))

    async def _limit(self, turn: Turn, channel: Channel, *, told: bool) -> None:
        """Call a person instead of the agent, and tell the customer so once a day."""
        replies = [] if told else [{"type": "text", "text": limited(channel.locale)}]
        handoff = {"reason": limit_reason(channel.locale)}
        spoke = await self._end_turn(turn, channel, replies, handoff=handoff, author="gateway", note=LIMITED)
        TURNS.labels("limited" if spoke else "silenced").inc()
        log.warning("customer_limit", told_before=told)

    async def _failed_attempt(self, turn: Turn, channel: Channel | None, error: str) -> None:
        attempt = turn.attempts + 1
        delay = self._bounds.retry_base**attempt
        if attempt >= self._bounds.attempts or turn.seconds_open + delay >= self._bounds.timeout:
            await self._fail(turn, channel, error)
            return
        log.warning("turn_attempt_failed", error=error, attempt=attempt, retry_in=delay)
        await self._give_back(turn, error, delay, failed=True)

    async def _fail(self, turn: Turn, channel: Channel | None, error: str) -> None:
        """Give the turn up and tell the customer. Its run is stopped once it is certain that the turn is still ours.

        After every third failure in a row a person is called, also where a person gave the conversation back.
        """
        locale = channel.locale if channel else "pt_BR"
        async with self._pool.connection() as conn:
            calls = (await store.failed_in_a_row(conn, turn) + 1) % _FAILURES_BEFORE_A_PERSON == 0
        handoff = {"reason": handoff_reason(locale)} if calls else None
        sorry = {"type": "text", "text": apology(locale, person_called=calls)}
        await self._end_turn(turn, channel, [sorry], error=error, handoff=handoff)
        TURNS.labels("failed").inc()
        ERRORS.labels("turn").inc()
        log.error("turn_failed", error=error, attempts=turn.attempts + 1)
        await self._runs.cancel(turn)  # the last step: its lease is given back, and the next renewal may end this task

    async def _give_back(self, turn: Turn, error: str, delay: float, *, failed: bool) -> None:
        async with self._pool.connection() as conn:
            await store.retry(conn, turn, error, delay, failed=failed)
        TURNS.labels("retried").inc()

    async def _end_turn(
        self, turn: Turn, channel: Channel | None, replies: Sequence[dict[str, Any]], *, error: str | None = None,
        handoff: Mapping[str, Any] | None = None, verified: bool = False, author: str = "agent",
        steps: Sequence[Mapping[str, Any]] = (), note: str | None = None, usage: Usage | None = None,
        transcripts: Mapping[str, str] = _NO_TRANSCRIPTS, erasure: Way | None = None,
    ) -> bool:  # fmt: skip
        """End a turn (`store.end`) and schedule the next one of its conversation; False: the agent says nothing."""
        quiet = channel.quiet(self._bounds.quiet) if channel else self._bounds.quiet
        async with self._pool.connection() as conn, conn.transaction():
            spoke = await store.end(
                conn, turn, replies, error=error, handoff=handoff, verified=verified, author=author,
                steps=steps, note=note, usage=usage,
            )  # fmt: skip
            if transcripts:
                await media.keep_transcripts(conn, turn.id, transcripts)
            if erasure:
                await erasures.ask(conn, turn, erasure, self._runs.erasure(turn))
            await quiet.schedule(conn, turn.conversation_id)
            return spoke


def _count(usage: Usage) -> None:
    for kind, tokens in (("in", usage.tokens_in), ("out", usage.tokens_out), ("cached", usage.cached)):
        TOKENS.labels(usage.model, kind).inc(tokens)
