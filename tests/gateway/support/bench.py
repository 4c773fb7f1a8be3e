"""A worker's intake and turns over a real Postgres, with an agent server whose faults can be chosen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.inbox.intake import Intake
from gateway.numbers.channels import Channel, Channels
from gateway.store.conversations import QuietPeriod
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.store.turns.turns import Turn
from gateway.turns.agent_server import Agent
from gateway.turns.holder import Bounds, Turns
from gateway.whatsapp.webhooks.items import items
from tests.gateway.support.agent_server import AgentServer
from tests.gateway.support.deliveries import NUMBER, payload

CHANNELS = Channels([Channel(phone_number_id=NUMBER, access_token="t")])
NO_QUIET = QuietPeriod(0, 0)


def nothing(given: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of the agent without replies."""
    return {"turn_id": given["turn_id"], "replies": [], "handoff": None}


def bounds(**changes: Any) -> Bounds:
    return Bounds(
        **{"in_flight": 100, "timeout": 60, "attempts": 3, "lease": 30, "quiet": NO_QUIET, "retry_base": 0, **changes}
    )


class Bench:
    """A worker's intake and turns, called step by step."""

    def __init__(self, pool: Pool, quiet: QuietPeriod = NO_QUIET) -> None:
        self.pool, self.server = pool, AgentServer()
        self.intake = Intake(pool, CHANNELS, quiet)
        self.shown: list[str | None] = []
        self.turns = self.worker()

    def worker(self, **changes: Any) -> Turns:
        """Return one more worker."""
        agent = Agent("http://agent", None, self.server.transport())
        return Turns(self.pool, agent, CHANNELS, self._show_presence, bounds(**changes))

    async def _show_presence(self, _: Channel, turn: Turn) -> None:
        self.shown.append(turn.newest_wamid)

    async def receive(self, *messages: dict[str, Any]) -> None:
        """Have messages delivered and taken in."""
        async with self.pool.connection() as conn:
            await events.keep(conn, items(payload(*messages)))
        await self.intake.step()

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(sql, values)).fetchall()

    async def replies(self) -> list[str]:
        return [
            row[0]
            for row in await self.rows("SELECT content->>'text' FROM message WHERE direction = 'out' ORDER BY seq")
        ]

    async def settle(self, turns: Turns | None = None) -> None:
        """Claim the turns that are due, and wait until none is held."""
        turns = turns or self.turns
        await turns.step()
        await until(lambda: not turns._held)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not (outcome if isinstance(outcome := condition(), bool) else await outcome):
            await asyncio.sleep(0.005)
