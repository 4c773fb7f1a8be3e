"""Presence while the agent answers: reaction, read receipt, typing indicator."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.numbers.clients import MetaClients
from gateway.outbox import presence
from gateway.outbox.presence import Presence
from gateway.outbox.rate_limits import Limiter
from gateway.runtime import loops
from gateway.store.database import Pool
from gateway.store.turns import turn_input, turns
from gateway.store.turns.turns import Turn
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.harness import CHANNELS, Gateway, until
from tests.gateway.support.meta import accepted, refused, status

CHANNEL = CHANNELS.all()[NUMBER]


def presence_of(gateway: Gateway, *, react: bool = True) -> Presence:
    return Presence(gateway.pool, gateway.clients, gateway.limiter, react=react)


async def a_turn(gateway: Gateway) -> Turn:
    """Return the open turn of a customer who has written."""
    await gateway.receive(text("Olá", message_id="wamid.IN"))
    await gateway.sql("UPDATE conversation SET due_at = now() RETURNING 1")
    async with gateway.pool.connection() as conn:
        [turn] = await turns.claim(conn, 10, 60, [NUMBER])
        await turn_input.read(conn, turn)
    return turn


async def show_until(gateway: Gateway, turn: Turn, calls: int, *, react: bool = True) -> None:
    """Show presence until Meta has received this number of calls."""
    task = asyncio.create_task(presence_of(gateway, react=react).show(CHANNEL, turn))
    await until(lambda: len(gateway.meta.bodies) >= calls)
    task.cancel()
    await asyncio.wait([task])


async def test_the_newest_message_gets_eyes_then_read_and_typing(gateway: Gateway) -> None:
    await show_until(gateway, await a_turn(gateway), 2)
    reaction, read = gateway.meta.bodies
    assert reaction["reaction"] == {"message_id": "wamid.IN", "emoji": "👀"}
    assert reaction["to"] == "+5511987654321"
    assert read == {
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN",
        "typing_indicator": {"type": "text"},
    }  # fmt: skip


async def test_a_turn_that_is_taken_up_again_gets_no_second_reaction(gateway: Gateway) -> None:
    turn = await a_turn(gateway)
    await show_until(gateway, turn, 2)
    await show_until(gateway, turn, 3)
    assert [body.get("type") for body in gateway.meta.bodies] == ["reaction", None, None]


async def test_nor_does_one_that_another_worker_takes_over(gateway: Gateway) -> None:
    await a_turn(gateway)
    await gateway.sql("UPDATE conversation SET lease_until = now() RETURNING 1")
    async with gateway.pool.connection() as conn:
        [turn] = await turns.claim(conn, 10, 60, [NUMBER])
        await turn_input.read(conn, turn)
    await show_until(gateway, turn, 1)
    assert [body.get("type") for body in gateway.meta.bodies] == [None]


async def test_the_setting_switches_the_reaction_off(gateway: Gateway) -> None:
    await show_until(gateway, await a_turn(gateway), 1, react=False)
    assert [body.get("status") for body in gateway.meta.bodies] == ["read"]


async def test_a_reaction_is_kept_with_its_price_and_is_no_part_of_the_history(gateway: Gateway) -> None:
    turn = await a_turn(gateway)
    await show_until(gateway, turn, 2)
    [(wamid,)] = await gateway.sql("SELECT wamid FROM message WHERE type = 'reaction' AND status = 'accepted'")
    price = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    await gateway.receive(statuses=[status("delivered", wamid, pricing=price)])
    assert await gateway.sql("SELECT category, billable, messages FROM cost_ledger") == [("service", True, 1)]
    async with gateway.pool.connection() as conn:
        from gateway.store.conversations import history

        assert [item.kind for item in await history(conn, turn.contact_id, 10)] == ["text"]


async def test_without_a_slot_at_hand_there_is_no_reaction(gateway: Gateway) -> None:
    turn = await a_turn(gateway)
    while not await gateway.limiter.acquire(NUMBER, str(turn.contact_id)):
        pass
    await show_until(gateway, turn, 1)
    assert [body.get("type") for body in gateway.meta.bodies] == [None]


async def test_typing_is_renewed_while_the_turn_runs(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_TYPING_SECONDS", 0.01)
    await show_until(gateway, await a_turn(gateway), 4, react=False)
    assert {body["typing_indicator"]["type"] for body in gateway.meta.bodies} == {"text"}


@pytest.mark.parametrize("answer", [refused(131026), refused(1, 500), httpx.ReadTimeout("late")])
async def test_a_refused_reaction_leaves_the_receipt(gateway: Gateway, answer: Any) -> None:
    gateway.meta.answers = [answer]
    await show_until(gateway, await a_turn(gateway), 2)
    assert gateway.meta.bodies[1]["status"] == "read"


async def test_a_refused_receipt_is_not_repeated(gateway: Gateway) -> None:
    turn = await a_turn(gateway)
    gateway.meta.answers = [refused(100)]
    await presence_of(gateway, react=False).show(CHANNEL, turn)
    assert len(gateway.meta.bodies) == 1
    assert await gateway.clients.problem() is None


async def test_a_refused_token_stops_the_number(gateway: Gateway) -> None:
    turn = await a_turn(gateway)
    gateway.meta.answers = [refused(190, 401)]
    await presence_of(gateway).show(CHANNEL, turn)
    assert "access token" in str(await gateway.clients.problem())
    await presence_of(gateway).show(CHANNEL, turn)
    assert len(gateway.meta.bodies) == 1


class SlowMeta:
    """A Meta that answers a receipt only when the test lets it, and records the order in which calls end."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gate = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.log.append(f"{body.get('status') or body['type']} begins")
        await self.gate.wait()
        self.log.append(f"{body.get('status') or body['type']} ends")
        return accepted("wamid.OUT")


@pytest.fixture
async def slow(pool: Pool) -> AsyncIterator[tuple[Gateway, SlowMeta]]:
    meta = SlowMeta()
    gateway = Gateway(pool)
    http = httpx.AsyncClient(transport=httpx.MockTransport(meta))
    clients = MetaClients(http, "https://graph.facebook.com", "v26.0")
    gateway.turns._show_presence = Presence(pool, clients, Limiter(None, pool), react=False).show
    yield gateway, meta
    meta.gate.set()
    await gateway.turns.drain()


async def test_a_receipt_under_way_ends_before_the_answer_is_queued(
    slow: tuple[Gateway, SlowMeta], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_GRACE_SECONDS", 60)
    monkeypatch.setattr(loops, "_CANCEL_INTERVAL_SECONDS", 60)
    gateway, meta = slow
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: meta.log == ["read begins"])
    gateway.agent.gate.set()
    await until(lambda: [run["status"] for run in gateway.agent.runs] == ["success"])
    assert await gateway.replies() == []
    meta.gate.set()
    await until(lambda: not gateway.turns._held)
    assert meta.log == ["read begins", "read ends"]
    assert await gateway.replies() == ["Olá"]


async def test_a_receipt_that_hangs_does_not_hold_the_answer_back(
    slow: tuple[Gateway, SlowMeta], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_GRACE_SECONDS", 0.01)
    gateway, meta = slow
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert await gateway.replies() == ["Olá"]
    assert meta.log in (["read begins"], [])
