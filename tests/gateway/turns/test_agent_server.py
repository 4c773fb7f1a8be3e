"""The agent server's connections that die without a word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from gateway.turns import agent_server
from gateway.turns.agent_server import Agent, AgentAwayError

RUN = uuid4()
HEAD = f"HTTP/1.1 200 OK\r\ncontent-location: /threads/t/runs/{RUN}\r\ntransfer-encoding: chunked\r\n\r\n"
BLANK = "1\r\n\n\r\n"


@asynccontextmanager
async def silent(said: str) -> AsyncIterator[str]:
    """Serve requests whose answers begin so and never end; provide the address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said.encode())
            await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_server, "_TIMEOUT", httpx.Timeout(0.3, connect=3))


async def test_a_run_whose_server_falls_silent_is_not_waited_for_without_an_end() -> None:
    async with silent(HEAD + BLANK) as address, Agent(address, None) as agent:
        async with agent.start(uuid4(), uuid4(), "agent", {}, {}, fence=1) as run:
            assert run.id == RUN
            with pytest.raises(AgentAwayError, match="ReadTimeout"):
                await run.answer()
        with pytest.raises(AgentAwayError, match="ReadTimeout"):
            await agent.wait(uuid4(), RUN, uuid4())


async def test_a_server_that_takes_the_request_and_says_nothing_is_away() -> None:
    async with silent("") as address, Agent(address, None) as agent:
        with pytest.raises(AgentAwayError):
            async with agent.start(uuid4(), uuid4(), "agent", {}, {}, fence=1):
                pass
