"""The run that answers a turn: adopted where it may exist already, continued where it was cut off, else started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import structlog

from gateway.numbers.channels import Channel
from gateway.runtime.capabilities import Capabilities
from gateway.runtime.telemetry import ERRORS
from gateway.store.database import Pool
from gateway.store.turns import turns as store
from gateway.store.turns.turns import Turn
from gateway.turns.agent_server import Agent, AgentAwayError, Answer, RunFailedError, RunLostError

log = structlog.get_logger(__name__)

_AWAY_RETRY_SECONDS = 1.0  # between tries while the agent server is away
_LOST_RETRY_SECONDS = 0.5  # until a lost run is started again, twice as long each time
_CAPABILITY_SECONDS = 60.0  # beyond the end of the turn's time
_MAX_LOST_RUNS = 5  # in one attempt, which has failed then


class Runs:
    """Runs of the agent server, each noted in the database before and after it is requested."""

    def __init__(self, pool: Pool, agent: Agent, capabilities: Capabilities) -> None:
        self._pool = pool
        self._agent = agent
        self._capabilities = capabilities

    async def answer(self, turn: Turn, channel: Channel, seconds: float) -> Answer:
        """Adopt or start the turn's run, wait for it, and return its answer; retry where the server lost it or is away.

        seconds: the time that the turn has left; the runs started here may read the customer's data a little longer.

        Raises:
            RunFailedError: The run failed, was lost while it read files, or was lost too often.
            LeaseLostError: Another worker has the turn.
        """
        away, lost, ends_at = False, 0, time.monotonic() + seconds
        while True:
            try:
                run = turn.run_id or await self._adopt_or_start(turn, channel, ends_at)
                return await self._agent.wait(turn.conversation_id, run, turn.id)
            except RunLostError:
                lost += 1
                log.warning("run_lost", times=lost)
                ERRORS.labels("run_lost").inc()
                turn.run_id = None
                if _has_files(turn) or lost >= _MAX_LOST_RUNS:  # one of the files may have crashed the server
                    raise RunFailedError("the run was lost") from None
                await _pause(_LOST_RETRY_SECONDS * 2 ** (lost - 1))
            except AgentAwayError as error:
                if not away:
                    log.warning("agent_away", error=str(error), consequence="tried again every second")
                ERRORS.labels("agent_away").inc()
                away = True
                await asyncio.sleep(_AWAY_RETRY_SECONDS)

    async def _adopt_or_start(self, turn: Turn, channel: Channel, ends_at: float) -> UUID:
        if turn.posted and (run := await self._agent.find(turn.conversation_id, turn.id)):
            log.info("run_adopted", run_id=str(run))
        else:
            run = await self._start(turn, channel, ends_at)
        await self._note(store.note_run, turn, run)
        turn.run_id = run
        return run

    async def cancel(self, turn: Turn) -> None:
        """Stop the turn's run, if one is known: its answer is no longer needed."""
        if turn.run_id:
            await self._agent.cancel(turn.conversation_id, turn.run_id)

    async def _start(self, turn: Turn, channel: Channel, ends_at: float) -> UUID:
        left = ends_at - time.monotonic() + _CAPABILITY_SECONDS
        capability = self._capabilities.issue(turn.id, turn.contact_id, left)
        thread, context = turn.conversation_id, {**_context(turn, channel), "capability": capability}
        asked_before = turn.posted
        async with self._pool.connection() as conn:
            fence = await store.note_posting(conn, turn)
        turn.posted = True
        # To post a half-finished turn again would repeat its effects under new tool call ids.
        if asked_before and await self._agent.begun(thread, turn.id, channel.assistant):
            log.info("run_resumed")
            return await self._agent.resume(thread, turn.id, channel.assistant, context, fence=fence)
        run_input = {
            "turn_id": str(turn.id),
            "inbound": turn.inbound,
            "since": turn.since,
            "unsent": str(turn.unsent) if turn.unsent else None,
            "early": turn.early,
        }
        return await self._agent.start(thread, turn.id, channel.assistant, run_input, context, fence=fence)

    async def _note(self, change: Callable[..., Awaitable[None]], turn: Turn, *values: object) -> None:
        async with self._pool.connection() as conn:
            await change(conn, turn, *values)


def _has_files(turn: Turn) -> bool:
    """Return whether the agent opens files of the customer to answer."""
    return any((item.get("media") or {}).get("status") == "stored" for item in turn.inbound)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _context(turn: Turn, channel: Channel) -> Mapping[str, Any]:
    """Return the run contract's context: the customer's identity, and the settings of the number."""
    return {
        "locale": channel.locale,
        **channel.context,
        "channel_id": turn.channel_id,
        "customer_id": str(turn.contact_id),
        "customer_keys": [*_present(turn), *({"kind": key.kind, "value": key.value} for key in turn.former)],
        "verification": turn.verification,
        "customer_name": turn.customer_name,
    }


def _present(turn: Turn) -> Iterator[Mapping[str, Any]]:
    for key, since in turn.present:
        yield {"kind": key.kind, "value": key.value, "since": since.isoformat(), "until": None}
