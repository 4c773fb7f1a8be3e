"""The run that answers a turn: adopted where it may exist already, continued where it was cut off, else started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any
from uuid import UUID

import structlog

from gateway.numbers.channels import Channel
from gateway.runtime.capabilities import Capabilities
from gateway.runtime.telemetry import ERRORS
from gateway.store.database import Pool
from gateway.store.turns import turns as store
from gateway.store.turns.turns import Turn
from gateway.turns.agent_server import (
    AgentAwayError,
    Answer,
    NotConnectedError,
    RunCutOffError,
    RunFailedError,
    RunLostError,
)
from gateway.turns.erasures import Way, offered
from gateway.turns.servers import ServerGoneError, Servers

log = structlog.get_logger(__name__)

_AWAY_RETRY_SECONDS = 1.0  # between tries while no agent server answers
_LOST_RETRY_SECONDS = 0.5  # a run that was lost once is requested again at once, then after so long, and longer
_CAPABILITY_SECONDS = 60.0  # beyond the end of the turn's time
_MAX_LOST_RUNS = 5  # in one attempt, which has failed then


class Runs:
    """Runs of the agent servers, each noted in the database before and after it is requested.

    erasure: what follows when customers want all their data erased.
    """

    def __init__(self, pool: Pool, servers: Servers, capabilities: Capabilities, erasure: Way = "request") -> None:
        self._pool = pool
        self._servers = servers
        self._capabilities = capabilities
        self._erasure = erasure

    async def answer(self, turn: Turn, channel: Channel, seconds: float) -> Answer:
        """Adopt or start the turn's run, wait for it, and return its answer; retry if it was lost or no server answers.

        seconds: the time that the turn has left; the runs started here may read the customer's data a little longer.

        Raises:
            RunFailedError: The run failed, was lost while it read files, or was lost too often.
            LeaseLostError: Another worker has the turn.
        """
        away, lost, ends_at = False, 0, time.monotonic() + seconds
        while True:
            try:
                return await self._attempt(turn, channel, ends_at)
            except RunLostError as error:
                lost += 1
                log.warning("run_lost", times=lost, server_gone=isinstance(error, ServerGoneError))
                ERRORS.labels("run_lost").inc()
                dangerous = turn.run_id is not None and _has_files(turn)  # one of them may have crashed the server
                turn.run_id = None
                if isinstance(error, ServerGoneError):
                    turn.server = None
                if dangerous or lost >= _MAX_LOST_RUNS:
                    raise RunFailedError("the run was lost") from None
                await _pause(_LOST_RETRY_SECONDS * (2 ** (lost - 1) - 1))
            except AgentAwayError as error:
                if not away:
                    log.warning("agent_away", error=str(error), consequence="tried again every second")
                ERRORS.labels("agent_away").inc()
                away = True
                if isinstance(error, RunCutOffError):
                    turn.run_id = None  # another run resumes it
                await asyncio.sleep(_AWAY_RETRY_SECONDS)

    async def _attempt(self, turn: Turn, channel: Channel, ends_at: float) -> Answer:
        """Return the answer of the turn's run: of the one that is known, of one that is adopted, or of a new one."""
        known = (turn.server, turn.run_id) if turn.server and turn.run_id else await self._adopted(turn)
        if known is None:
            return await self._new(turn, channel, ends_at)
        server, run = known
        async with self._servers.at(server) as agent:
            return await agent.wait(turn.conversation_id, run, turn.id)

    async def _adopted(self, turn: Turn) -> tuple[str, UUID] | None:
        """Return the server and the id of a run that was requested before without being noted, if there is one."""
        if not turn.posted:
            return None
        server = turn.server or await self._servers.choose(turn.conversation_id)
        async with self._servers.at(server) as agent:
            run = await agent.find(turn.conversation_id, turn.id)
        if run is None:
            return None
        log.info("run_adopted", run_id=str(run))
        await self._note(turn, run, server)
        return server, run

    async def _note(self, turn: Turn, run: UUID, server: str) -> None:
        async with self._pool.connection() as conn:
            await store.note_run(conn, turn, run, server)
        turn.server, turn.run_id = server, run

    def erasure(self, turn: Turn) -> Way:
        """Return what follows when the customer of a turn wants all data erased."""
        return offered(turn, self._erasure)

    async def cancel(self, turn: Turn) -> None:
        """Stop the turn's run, if one is known: its answer is no longer needed."""
        if turn.server and turn.run_id:
            with suppress(ServerGoneError):
                async with self._servers.at(turn.server) as agent:
                    await agent.cancel(turn.conversation_id, turn.run_id)

    async def _new(self, turn: Turn, channel: Channel, ends_at: float) -> Answer:
        """Request a run, and return its answer."""
        server = await self._servers.choose(turn.conversation_id)
        left = ends_at - time.monotonic() + _CAPABILITY_SECONDS
        capability = self._capabilities.issue(turn.id, turn.contact_id, left)
        context = _context(turn, channel, capability, self.erasure(turn))
        asked_before = turn.posted
        async with self._pool.connection() as conn:
            fence = await store.note_posting(conn, turn, server)
        turn.posted, turn.server = True, server
        async with self._servers.at(server) as agent, AsyncExitStack() as stack:
            try:
                # To post a half-finished turn again would repeat its effects under new tool call ids.
                resumed = asked_before and await agent.begun(turn.conversation_id, turn.id, channel.assistant)
                if resumed:
                    log.info("run_resumed")
                run_input = None if resumed else _input(turn)
                run = await stack.enter_async_context(
                    agent.start(turn.conversation_id, turn.id, channel.assistant, run_input, context, fence=fence)
                )
            except NotConnectedError:
                turn.server = None
                self._servers.refuses(server)
                raise
            await self._note(turn, run.id, server)
            return await run.answer()


def _input(turn: Turn) -> Mapping[str, Any]:
    return {
        "turn_id": str(turn.id),
        "inbound": turn.inbound,
        "since": turn.since,
        "unsent": str(turn.unsent) if turn.unsent else None,
        "early": turn.early,
    }


def _has_files(turn: Turn) -> bool:
    """Return whether the agent opens files of the customer to answer."""
    return any((item.get("media") or {}).get("status") == "stored" for item in turn.inbound)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _context(turn: Turn, channel: Channel, capability: str | None, erasure: Way) -> Mapping[str, Any]:
    """Return the run contract's context: the customer's identity, and the settings of the number."""
    return {
        "locale": channel.locale,
        **channel.context,
        "channel_id": turn.channel_id,
        "customer_id": str(turn.contact_id),
        "customer_keys": [*_present(turn), *({"kind": key.kind, "value": key.value} for key in turn.former)],
        "verification": turn.verification,
        "erasure": erasure,
        "capability": capability,
        "customer_name": turn.customer_name,
    }


def _present(turn: Turn) -> Iterator[Mapping[str, Any]]:
    for key, since in turn.present:
        yield {"kind": key.kind, "value": key.value, "since": since.isoformat(), "until": None}
