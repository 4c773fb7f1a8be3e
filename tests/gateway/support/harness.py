"""The parts of the gateway over a real Postgres, called step by step, with a chosen agent server and Meta."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from gateway.inbox.intake import Intake
from gateway.numbers.channels import Channel, Channels
from gateway.numbers.clients import MetaClients
from gateway.numbers.quiet_period import QuietPeriod
from gateway.outbox.rate_limits import Limiter
from gateway.outbox.sender import Sender, SendSettings
from gateway.runtime.agent_servers import AgentServers
from gateway.runtime.capabilities import Capabilities
from gateway.store import conversations
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.store.turns.turns import Turn
from gateway.turns.agent_server import Agent
from gateway.turns.erasures import Way
from gateway.turns.holder import Bounds, Turns
from gateway.turns.run import Runs
from gateway.turns.servers import Servers
from gateway.whatsapp.webhooks.items import items
from tests.gateway.support.agent_server import AgentServer
from tests.gateway.support.deliveries import MARIA, NUMBER, payload, text
from tests.gateway.support.meta import Meta

CHANNELS = Channels([Channel(phone_number_id=name, access_token="the-token") for name in (NUMBER, "2", "3")])
NO_QUIET = QuietPeriod(0, 0)
INTERNAL_TOKEN = "internal"


def nothing(given: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of the agent without a reply."""
    return {"turn_id": given["turn_id"], "replies": [], "handoff": None}


def bounds(**changes: Any) -> Bounds:
    """Return the bounds of a worker's turns, with changes."""
    return Bounds(
        **{"in_flight": 100, "timeout": 60, "attempts": 3, "lease": 30, "quiet": NO_QUIET, "retry_base": 0, **changes}
    )


class Gateway:
    """One worker: its intake, its turns and its sender.

    wait, resend: how long a send without an answer stays uncertain, and whether it is then repeated; erasure: what
    follows the yes of a customer who wants all data erased; more: options of the intake.
    """

    def __init__(
        self, pool: Pool, quiet: QuietPeriod = NO_QUIET, *,
        channels: Channels = CHANNELS, wait: float = 60, resend: bool = False, erasure: Way = "request", **more: Any,
    ) -> None:  # fmt: skip
        self.pool, self.agent, self.meta, self.now = pool, AgentServer(), Meta(), 0.0
        self.erasure = erasure
        self.intake = Intake(pool, channels, quiet, **more)
        self.shown: list[str | None] = []
        self.turns = self.worker()
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.meta))
        self.clients = MetaClients(http, "https://graph.facebook.com", "v26.0", lambda: self.now)
        self.limiter = Limiter(None, pool, clock=lambda: self.now, sleep=self._sleep)
        settings = SendSettings(wait, resend=resend)
        self.sender = Sender(pool, self.clients, channels, self.limiter, settings, clock=lambda: self.now)

    def worker(self, servers: Servers | None = None, leases: Pool | None = None, **changes: Any) -> Turns:
        """Return the turn holder of another worker.

        servers: instead of the only one; leases: a pool for renewals; changes: changed bounds.
        """
        connect = lambda address: Agent(address, None, self.agent.transport())  # noqa: E731
        servers = servers or Servers(AgentServers("http://agent"), connect, away_seconds=10)
        runs = Runs(self.pool, servers, Capabilities(INTERNAL_TOKEN), self.erasure)
        return Turns(self.pool, runs, CHANNELS, self._show_presence, bounds(**changes), leases=leases or self.pool)

    async def _show_presence(self, _: Channel, turn: Turn) -> None:
        self.shown.append(turn.newest_wamid)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    # In ----------------------------------------------------------------------------------------------------------

    async def keep(self, payload: dict[str, Any]) -> None:
        """Deliver a payload without processing it."""
        async with self.pool.connection() as conn:
            await events.keep(conn, [events.row(one) for one in items(payload)])

    async def take(self, *payloads: dict[str, Any]) -> None:
        """Deliver and process payloads, one after the other."""
        for one in payloads:
            await self.keep(one)
            await self.intake.step()

    async def receive(self, *messages: dict[str, Any], statuses: list[dict[str, Any]] | None = None) -> None:
        """Deliver and process messages and statuses in one payload."""
        await self.take(payload(*messages, statuses=statuses))

    async def outcomes(self) -> list[tuple[str, str | None]]:
        """Return the state and the note of each event, in order."""
        return [(row[0], row[1]) for row in await self.sql("SELECT state, note FROM event ORDER BY id")]

    async def messages(self) -> list[tuple[Any, ...]]:
        """Return author, type, text and whether it awaits an answer of each message, in order."""
        return await self.sql("SELECT author, type, content->>'text', awaits FROM message ORDER BY seq")

    async def holder(self) -> str:
        """Return the holder of the only conversation."""
        return (await self.sql("SELECT holder FROM conversation"))[0][0]  # type: ignore[no-any-return]

    # Turns -------------------------------------------------------------------------------------------------------

    async def settle(self, turns: Turns | None = None) -> None:
        """Claim the turns that are due, and wait until none is held."""
        turns = turns or self.turns
        await turns.step()
        await until(lambda: not turns._held)

    async def replies(self) -> list[str]:
        """Return the texts of all outbound messages, in order."""
        out = await self.sql("SELECT content->>'text' FROM message WHERE direction = 'out' ORDER BY seq")
        return [row[0] for row in out]

    # Out ---------------------------------------------------------------------------------------------------------

    async def queue(self, *texts: str, wa_id: str = MARIA) -> list[str]:
        """Queue texts in a customer's conversation; return their ids."""
        await self.receive(text("Olá", wa_id=wa_id))
        rows = []
        for one in texts:
            rows += await self.sql(
                """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
                   SELECT c.id, 'out', 'agent', 'text', %s::jsonb, 'queued', now() FROM conversation c
                   JOIN contact_key k ON k.contact_id = c.contact_id AND k.value = %s RETURNING id::text""",
                json.dumps({"type": "text", "text": one}), wa_id,
            )  # fmt: skip
        return [row[0] for row in rows]

    async def send(self) -> None:
        """Send all messages that may leave now, and wait for the answers."""
        await self.sender.step()
        await self.sender.drain()

    async def later(self, seconds: float = 1000) -> None:
        """Let time pass, in seconds, for all messages that wait to be sent."""
        self.now += seconds
        await self.sql("UPDATE send_rate SET tat = tat - %s RETURNING 1", seconds)
        await self.sql(
            """UPDATE message m SET send_at = send_at - passed, lease_until = lease_until - passed,
                      uncertain_at = uncertain_at - passed
               FROM make_interval(secs => %s) AS passed WHERE direction = 'out' RETURNING 1""",
            seconds,
        )

    async def statuses(self) -> list[str]:
        """Return the statuses of all outbound messages, in order."""
        return [row[0] for row in await self.sql("SELECT status FROM message WHERE direction = 'out' ORDER BY seq")]

    # The database ------------------------------------------------------------------------------------------------

    async def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows, if it has any."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []

    async def agents_view(self) -> list[str | None]:
        """Return the texts of the history that the agent may read."""
        [(contact,)] = await self.sql("SELECT contact_id FROM conversation LIMIT 1")
        async with self.pool.connection() as conn:
            return [item.content.get("text") for item in await conversations.history(conn, contact, 50)]


async def until(condition: Callable[[], bool | Awaitable[bool]], at_most: float = 20) -> None:
    """Wait until a condition holds, so many seconds at most."""
    async with asyncio.timeout(at_most):
        while not (outcome if isinstance(outcome := condition(), bool) else await outcome):
            await asyncio.sleep(0.005)
