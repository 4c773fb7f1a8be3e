"""A conversation with a sender over a real Postgres; Meta's answers are chosen at the transport."""

import json
from typing import Any

import httpx

from gateway.inbox.intake import Intake
from gateway.numbers.channels import Channel, Channels
from gateway.numbers.clients import MetaClients
from gateway.outbox.rate_limits import Limiter
from gateway.outbox.sender import Sender, SendSettings
from gateway.store.conversations import QuietPeriod
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.whatsapp.webhooks.items import items
from tests.gateway.support.deliveries import NUMBER, payload, text

CHANNELS = Channels([Channel(phone_number_id=NUMBER, access_token="the-token")])


class Meta:
    """Receives sends; gives the answers that are queued, else accepts."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[httpx.Response | Exception] = []
        self.templates: list[dict[str, Any]] | None = None  # None: Meta does not tell
        self.asked_for_templates = 0
        self.refused_to: dict[str, httpx.Response] = {}  # by recipient, for ever
        self.always: httpx.Response | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer the-token"
        if request.url.path.endswith("/message_templates"):
            self.asked_for_templates += 1
            return httpx.Response(200, json={"data": self.templates}) if self.templates is not None else refused(2, 503)
        assert request.url.path == f"/v26.0/{NUMBER}/messages"
        self.bodies.append(json.loads(request.content))
        if lasting := self.refused_to.get(self.bodies[-1].get("to", "")) or self.always:
            return httpx.Response(lasting.status_code, content=lasting.content)
        answer = self.answers.pop(0) if self.answers else accepted(f"wamid.OUT{len(self.bodies)}", self.bodies[-1])
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def texts(self) -> list[str]:
        return [body["text"]["body"] for body in self.bodies if "text" in body]


def accepted(wamid: str, body: dict[str, Any] | None = None, **named: str) -> httpx.Response:
    """Meta's receipt: it names the recipient as the send did, or as told (``wa_id``, ``user_id``)."""
    to = (body or {}).get("to") or (body or {}).get("recipient") or "x"
    contact = {"input": to, **(named or {"wa_id": to.removeprefix("+")} if body else named)}
    return httpx.Response(200, json={"contacts": [contact], "messages": [{"id": wamid}]})


def refused(code: int, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "words", "type": "OAuthException"}})


class Desk:
    """A conversation, its queued messages, and a sender."""

    def __init__(self, pool: Pool, channels: Channels = CHANNELS, *, wait: float = 60, resend: bool = False) -> None:
        self.pool, self.meta, self.now = pool, Meta(), 0.0
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.meta))
        self.clients = MetaClients(http, "https://graph.facebook.com", "v26.0", lambda: self.now)
        self.limiter = Limiter(None, pool, clock=lambda: self.now, sleep=self._sleep)
        settings = SendSettings(wait, resend=resend)
        self.sender = Sender(pool, self.clients, channels, self.limiter, settings, clock=lambda: self.now)
        self.intake = Intake(pool, channels, QuietPeriod(1000, 1000))

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    async def deliver(self, *messages: dict[str, Any], statuses: list[dict[str, Any]] | None = None) -> None:
        found = items(payload(*messages, statuses=statuses))
        async with self.pool.connection() as conn:
            await events.keep(conn, found)
        await self.intake.step()

    async def queue(self, *texts: str, wa_id: str = "5511987654321") -> list[str]:
        """Queue texts in the customer's conversation and return their ids."""
        await self.deliver(text("Olá", wa_id=wa_id))
        rows = []
        for one in texts:
            rows += await self.sql(
                """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
                   SELECT c.id, 'out', 'agent', 'text', %s::jsonb, 'queued', now() FROM conversation c
                   JOIN contact_key k ON k.contact_id = c.contact_id AND k.value = %s RETURNING id::text""",
                json.dumps({"type": "text", "text": one}), wa_id,
            )  # fmt: skip
        return [row[0] for row in rows]

    async def step(self) -> None:
        """Send the messages that are due, and wait for the answers."""
        await self.sender.step()
        await self.sender.drain()

    async def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(sql, values)).fetchall()

    async def later(self, seconds: float = 1000) -> None:
        """Let every waiting time pass, or so many seconds."""
        self.now += seconds
        await self.sql("UPDATE send_rate SET tat = tat - %s RETURNING 1", seconds)
        await self.sql(
            """UPDATE message m SET send_at = send_at - passed, lease_until = lease_until - passed,
                      uncertain_at = uncertain_at - passed
               FROM make_interval(secs => %s) AS passed WHERE direction = 'out' RETURNING 1""",
            seconds,
        )

    async def statuses(self) -> list[str]:
        return [row[0] for row in await self.sql("SELECT status FROM message WHERE direction = 'out' ORDER BY seq")]


def status(name: str, wamid: str, callback: str | None = None, **more: Any) -> dict[str, Any]:
    echo = {"biz_opaque_callback_data": callback} if callback else {}
    return {"id": wamid, "status": name, "timestamp": "1790000000", "recipient_id": "5511987654321", **echo, **more}
