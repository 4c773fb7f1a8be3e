"""The agent servers: which of them are well, and which one answers a conversation.

A run lives in the memory of one server, so that a turn remembers where its run was requested. A server that does not
answer for a while is gone for its turns if another one is well; they are then resumed there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from types import TracebackType
from uuid import UUID

import httpx
import structlog

from gateway.runtime.agent_servers import AgentServers, State, look
from gateway.runtime.http_transport import AiohttpTransport
from gateway.runtime.loops import ended
from gateway.runtime.telemetry import AGENT_SERVERS
from gateway.turns.agent_server import Agent, AgentAwayError, RunLostError

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 1.0

#: Return a client of the agent server at an address.
Connect = Callable[[str], Agent]


class ServerGoneError(RunLostError):
    """The run's server has been away for too long, and another one is well."""


@dataclass(slots=True, eq=False)
class _Server:
    """A server that is looked at. listed: it may be given new turns; waits: what ends when it is gone.

    look: the question that it has not answered yet.
    """

    agent: Agent
    answered_at: float
    listed: bool = True
    state: State = State.AWAY
    look: asyncio.Task[None] | None = None
    waits: set[asyncio.Timeout] = field(default_factory=set)


class Servers:
    """The agent servers of an installation. Use it as `async with`; `step` is called in a loop.

    away_seconds: a server that does not answer for so long is gone.
    """

    def __init__(
        self, named: AgentServers, connect: Connect, away_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._named = named
        self._connect = connect
        self._away_seconds = away_seconds
        self._clock = clock
        self._servers: dict[str, _Server] = {}
        self._http = httpx.AsyncClient(transport=AiohttpTransport(0))

    async def __aenter__(self) -> Servers:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            await self._close(server)
        await self._http.aclose()

    async def step(self) -> float:
        """Look at all servers; return the seconds until the next look. A silent one does not delay the other looks."""
        await self._find()
        for address, server in self._servers.items():
            server.look = server.look or asyncio.create_task(self._look(address, server))
        all_ended = await self._end_looks()
        for address in [one for one in self._servers if self.is_gone(one)]:
            await self._leave(address)
        for state in State:
            AGENT_SERVERS.labels(state).set(sum(one.state is state for one in self._listed().values()))
        return INTERVAL_SECONDS if all_ended else 0

    async def choose(self, conversation: UUID) -> str:
        """Return the address of the server for a conversation's next run: the same one as long as it is well.

        Raises AgentAwayError where no server is known.
        """
        if not (listed := self._listed()):
            await self._find()
            listed = self._listed()
        if not listed:
            raise AgentAwayError("DNS names no agent server")
        well = [address for address, server in listed.items() if server.state is State.WELL]
        return highest(conversation, well or listed)

    def is_gone(self, address: str) -> bool:
        """Return whether a server has been away for too long while another one is well."""
        server = self._servers.get(address)
        others = (one for one in self._servers.values() if one is not server)
        silent = server is not None and self._clock() - server.answered_at >= self._away_seconds
        return silent and any(one.listed and one.state is State.WELL for one in others)

    def refuses(self, address: str) -> None:
        """Note that no connection to a server could be opened, so that the next turns go to others at once."""
        if server := self._servers.get(address):
            server.state = State.AWAY

    @asynccontextmanager
    async def at(self, address: str) -> AsyncIterator[Agent]:
        """Give the client of a server for requests, which end with ServerGoneError as soon as the server is gone."""
        server = self._servers.get(address) or await self._add(address, listed=False)
        if self.is_gone(address):
            raise ServerGoneError
        bound = asyncio.timeout(None)
        try:
            async with bound:
                server.waits.add(bound)
                yield server.agent
        except TimeoutError:
            if bound.expired():
                raise ServerGoneError from None
            raise
        finally:
            server.waits.discard(bound)

    async def problem(self) -> str | None:
        """Return which of the listed servers do not answer; None: all do."""
        if not (listed := self._listed()):
            return "DNS names no agent server"
        states = await asyncio.gather(*(look(self._http, address) for address in listed))
        away = [address for address, state in zip(listed, states, strict=True) if state is State.AWAY]
        return f"no answer from the agent server at {', '.join(away)}" if away else None

    def _listed(self) -> dict[str, _Server]:
        return {address: server for address, server in self._servers.items() if server.listed}

    async def _find(self) -> None:
        """Add servers that are named now. One that is no longer named is kept until it is gone: it may have runs."""
        named = await self._named.addresses()
        for address, server in self._servers.items():
            server.listed = address in named
        for address in named:
            if address not in self._servers:
                await self._add(address, listed=True)

    async def _add(self, address: str, *, listed: bool) -> _Server:
        self._servers[address] = server = _Server(self._connect(address), self._clock(), listed)
        await server.agent.open()
        return server

    async def _end_looks(self) -> bool:
        """Wait for the looks under way, no longer than until the next ones; return whether all have ended."""
        if looks := [server.look for server in self._servers.values() if server.look]:
            await asyncio.wait(looks, timeout=INTERVAL_SECONDS)
        for server in self._servers.values():
            if server.look and server.look.done():
                ended_look, server.look = server.look, None
                ended_look.result()
        return not any(server.look for server in self._servers.values())

    async def _leave(self, address: str) -> None:
        """End all waits for a server that is gone, and forget one that is not named any more."""
        server = self._servers[address]
        for bound in server.waits:
            bound.reschedule(asyncio.get_running_loop().time())
        server.waits.clear()
        if not server.listed:
            del self._servers[address]
            await self._close(server)

    async def _close(self, server: _Server) -> None:
        await ended([server.look] if server.look else [])
        await server.agent.close()

    async def _look(self, address: str, server: _Server) -> None:
        state = await look(self._http, address)
        if state is not State.AWAY:
            server.answered_at = self._clock()
        if state is not server.state:
            log.info("agent_server", server=address, state=state, before=server.state)
            server.state = state


def highest(conversation: UUID, addresses: Iterable[str]) -> str:
    """Return the server with the highest hash for a conversation: if one is taken away, only its own ones move."""
    return max(addresses, key=lambda address: blake2b(f"{conversation} {address}".encode(), digest_size=8).digest())
