"""Sending over a real Postgres; Meta's answers are chosen at the transport."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from gateway.channels import Channel, Channels
from gateway.intake import Intake
from gateway.limits import Limiter
from gateway.lines import Lines
from gateway.sender import Sender, SendSettings
from gateway.store import events
from gateway.store.conversations import Quiet
from gateway.store.database import Pool
from gateway.store.events import NewEvent
from gateway.whatsapp.items import items
from gateway.whatsapp.raw import encode
from tests.gateway.deliveries import NUMBER, payload, text

CHANNELS = Channels([Channel(phone_number_id=NUMBER, access_token="the-token")])


class Meta:
    """Receives sends; gives the answers that are queued, else accepts."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[httpx.Response | Exception] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer the-token"
        assert request.url.path == f"/v26.0/{NUMBER}/messages"
        self.bodies.append(json.loads(request.content))
        answer = self.answers.pop(0) if self.answers else accepted(f"wamid.OUT{len(self.bodies)}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def texts(self) -> list[str]:
        return [body["text"]["body"] for body in self.bodies if "text" in body]


def accepted(wamid: str) -> httpx.Response:
    return httpx.Response(
        200, json={"contacts": [{"input": "x", "wa_id": "5511987654321"}], "messages": [{"id": wamid}]}
    )


def refused(code: int, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "words", "type": "OAuthException"}})


class Desk:
    """A conversation, what is queued in it, and a sender."""

    def __init__(self, pool: Pool, channels: Channels = CHANNELS, *, wait: float = 60, resend: bool = True) -> None:
        self.pool, self.meta, self.now = pool, Meta(), 0.0
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.meta))
        self.lines = Lines(http, "https://graph.facebook.com", "v26.0", lambda: self.now)
        self.limiter = Limiter(None, clock=lambda: self.now, sleep=self._sleep)
        settings = SendSettings(wait, resend)
        self.sender = Sender(pool, self.lines, channels, self.limiter, settings, clock=lambda: self.now)
        self.intake = Intake(pool, channels, Quiet(1000, 1000))

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    async def deliver(self, *messages: dict[str, Any], statuses: list[dict[str, Any]] | None = None) -> None:
        found = items(payload(*messages, statuses=statuses))
        async with self.pool.connection() as conn:
            await events.keep(
                conn, [NewEvent(i.key, i.field, i.type, i.phone_number_id, encode(i.value)) for i in found]
            )
        await self.intake.step()

    async def queue(self, *texts: str, wa_id: str = "5511987654321") -> list[str]:
        """Queue texts in the customer's conversation; their ids."""
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
        """Send what may go out now, and wait for the answers."""
        await self.sender.step()
        await self.sender.drain()

    async def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(sql, values)).fetchall()

    async def later(self) -> None:
        """Let every waiting time pass."""
        self.now += 1000
        await self.sql(
            """UPDATE message SET send_at = send_at - interval '1000 s', lease_until = lease_until - interval '1000 s'
               WHERE direction = 'out' RETURNING 1"""
        )

    async def statuses(self) -> list[str]:
        return [row[0] for row in await self.sql("SELECT status FROM message WHERE direction = 'out' ORDER BY seq")]


def status(name: str, wamid: str, callback: str | None = None, **more: Any) -> dict[str, Any]:
    echo = {"biz_opaque_callback_data": callback} if callback else {}
    return {"id": wamid, "status": name, "timestamp": "1790000000", "recipient_id": "5511987654321", **echo, **more}


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


async def test_a_message_is_sent_with_our_id_and_its_wamid_kept(desk: Desk) -> None:
    [message_id] = await desk.queue("Olá, Maria")
    await desk.step()
    [body] = desk.meta.bodies
    assert body["to"] == "+5511987654321"
    assert body["biz_opaque_callback_data"] == message_id
    assert body["text"]["body"] == "Olá, Maria"
    assert await desk.sql("SELECT status, wamid, attempts FROM message WHERE direction = 'out'") == [
        ("accepted", "wamid.OUT1", 1)
    ]


async def test_messages_of_one_conversation_leave_in_order_others_beside_them(desk: Desk) -> None:
    await desk.queue("1", "2", "3")
    await desk.queue("other", wa_id="5511900000000")
    await desk.step()
    assert sorted(desk.meta.texts) == ["1", "other"]
    for _ in range(3):
        await desk.step()
    assert [said for said in desk.meta.texts if said != "other"] == ["1", "2", "3"]


async def test_two_senders_send_each_message_once(pool: Pool, desk: Desk) -> None:
    for n in range(30):
        await desk.queue("x", wa_id=f"55119{n:08d}")
    other = Desk(pool)
    for _ in range(5):
        await asyncio.gather(desk.step(), other.step(), desk.step(), other.step())
        await desk.later()
        other.now = desk.now
    sent = [body["biz_opaque_callback_data"] for body in desk.meta.bodies + other.meta.bodies]
    assert len(sent) == len(set(sent)) == 30


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut"), refused(1, 500), refused(131000, 500), httpx.Response(502)])  # fmt: skip  # noqa: E501
async def test_a_lost_answer_is_uncertain_and_holds_what_follows(desk: Desk, answer: Any) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [answer]
    await desk.step()
    await desk.step()
    assert await desk.statuses() == ["uncertain", "queued"]
    assert desk.meta.texts == ["1"]


async def test_a_status_with_our_id_settles_an_uncertain_message(desk: Desk) -> None:
    first, _ = await desk.queue("1", "2")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.deliver(statuses=[status("delivered", "wamid.REAL", first)])
    assert await desk.statuses() == ["delivered", "queued"]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == ["1", "2"]
    assert await desk.sql("SELECT wamid FROM message WHERE id::text = %s", first) == [("wamid.REAL",)]


async def test_an_uncertain_message_is_resent_only_after_its_wait(desk: Desk) -> None:
    await desk.queue("1")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == ["1"]
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == ["1", "1"]
    assert await desk.statuses() == ["accepted"]


async def test_or_given_up_where_the_setting_says_so(pool: Pool) -> None:
    desk = Desk(pool, resend=False)
    await desk.queue("1", "2")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert await desk.statuses() == ["failed", "accepted"]


async def test_what_a_dead_sender_left_is_uncertain(desk: Desk) -> None:
    await desk.queue("1")
    await desk.sql("UPDATE message SET status = 'sending', lease_until = now() WHERE direction = 'out' RETURNING 1")
    await desk.sender.expire()
    assert await desk.statuses() == ["uncertain"]


@pytest.mark.parametrize("answer", [refused(130429, 429), refused(4), refused(131056), httpx.ConnectError("refused")])
async def test_a_temporary_refusal_is_sent_again_later(desk: Desk, answer: Any) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [answer]
    await desk.step()
    await desk.step()
    assert len(desk.meta.bodies) == 1
    assert await desk.statuses() == ["queued", "queued"]
    await desk.later()
    await desk.step()
    await desk.step()
    assert desk.meta.texts[1:] == ["1", "2"]


async def test_a_permanent_refusal_fails_visibly_and_lets_the_next_go(desk: Desk) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [refused(131026)]
    await desk.step()
    await desk.step()
    assert await desk.statuses() == ["failed", "accepted"]
    assert await desk.sql("SELECT error_code FROM message WHERE status = 'failed'") == [(131026,)]


async def test_a_blocked_number_stops_and_keeps_what_waits(desk: Desk) -> None:
    await desk.queue("1")
    desk.meta.answers = [refused(190, 401)]
    await desk.step()
    assert "access token" in str(await desk.lines.problem())
    await desk.later()
    desk.now -= 999  # the number is not tried again yet
    await desk.step()
    assert len(desk.meta.bodies) == 1
    assert await desk.statuses() == ["queued"]
    desk.now += 1000
    assert await desk.lines.problem() is None
    await desk.step()
    assert await desk.statuses() == ["accepted"]


async def test_a_status_that_overtakes_the_answer_counts(desk: Desk) -> None:
    await desk.queue("1")
    await desk.deliver(statuses=[status("delivered", "wamid.OUT1")])  # carries no id of ours
    await desk.step()
    await desk.intake.step()
    assert await desk.statuses() == ["delivered"]


async def test_no_secret_and_no_text_in_what_is_logged(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.queue("texto do cliente")
    desk.meta.answers = [refused(131026)]
    await desk.step()
    logged = capsys.readouterr()
    for secret in ("texto do cliente", "the-token", "5511987654321", "words"):
        assert secret not in logged.out + logged.err
