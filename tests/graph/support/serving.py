"""Runs of the real agent server, as its client, the gateway, makes them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
from langgraph_sdk.client import LangGraphClient

from simulator.stack.process import Process
from tests.graph.support.talk import context, turn_input


class Server:
    """A running agent server and its address."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"


class Conversation:
    """Runs of one thread, as the gateway makes them."""

    def __init__(self, client: LangGraphClient, thread: str | None = None, fence: int | None = None) -> None:
        self.client = client
        self.thread = thread or str(uuid.uuid4())
        self.context = context()
        self.fence = fence  # of the next run; each run has a higher one

    async def start(self, turn_id: str, run_input: dict[str, Any] | None) -> str:
        """Create a run and return its id."""
        metadata: dict[str, Any] = {"turn_id": turn_id}
        if self.fence is not None:
            metadata["fence"] = self.fence
            self.fence += 1
        run = await self.client.runs.create(
            self.thread,
            "agent",
            input=run_input,
            context=self.context,
            metadata=metadata,
            durability="sync",
            if_not_exists="create",
        )
        return run["run_id"]

    async def finish(self, run_id: str) -> tuple[str, Any]:
        """Return status and output of the run when it has ended."""
        output = await self.client.runs.join(self.thread, run_id)
        return (await self.client.runs.get(self.thread, run_id))["status"], output

    async def turn(self, turn_id: str, *messages: str | dict[str, Any]) -> tuple[str, Any]:
        """Run one whole turn."""
        return await self.finish(await self.start(turn_id, turn_input(turn_id, *messages)))

    async def go_on(self, turn_id: str) -> tuple[str, Any]:
        """Continue the interrupted turn."""
        return await self.finish(await self.start(turn_id, None))


@asynccontextmanager
async def client_of(server: Server, token: str) -> AsyncIterator[LangGraphClient]:
    """Provide a client of a server."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as http:
        yield LangGraphClient(http)


def somebody_waits(database: str) -> bool:
    """Return whether a transaction of the database waits for a lock."""
    with psycopg.connect(database) as connection:
        waiting = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return waiting.fetchone() is not None


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, a minute at most."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)
