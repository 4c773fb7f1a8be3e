"""What the customer sees while an answer is made: reaction, read receipt, typing."""

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
from tests.gateway.support.bench import Bench, until
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.desk import CHANNELS, Desk, accepted, refused, status

CHANNEL = CHANNELS.all()[NUMBER]


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    return Desk(pool)


def presence_of(desk: Desk, *, react: bool = True) -> Presence:
    return Presence(desk.pool, desk.clients, desk.limiter, react=react)


async def a_turn(desk: Desk) -> Turn:
    """The open turn of a customer who has written."""
    await desk.deliver(text("Olá", message_id="wamid.IN"))
    await desk.sql("UPDATE conversation SET due_at = now() RETURNING 1")
    async with desk.pool.connection() as conn:
        [turn] = await turns.claim(conn, 10, 60, [NUMBER])
        await turn_input.read(conn, turn)
    return turn


async def show_until(desk: Desk, turn: Turn, calls: int, *, react: bool = True) -> None:
    """Attend until Meta has got so many calls."""
    task = asyncio.create_task(presence_of(desk, react=react).show(CHANNEL, turn))
    await until(lambda: len(desk.meta.bodies) >= calls)
    task.cancel()
    await asyncio.wait([task])


async def test_the_newest_message_gets_eyes_then_read_and_typing(desk: Desk) -> None:
    await show_until(desk, await a_turn(desk), 2)
    reaction, read = desk.meta.bodies
    assert reaction["reaction"] == {"message_id": "wamid.IN", "emoji": "👀"}
    assert reaction["to"] == "+5511987654321"
    assert read == {
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN",
        "typing_indicator": {"type": "text"},
    }  # fmt: skip


async def test_a_turn_that_is_taken_up_again_gets_no_second_reaction(desk: Desk) -> None:
    turn = await a_turn(desk)
    await show_until(desk, turn, 2)
    await show_until(desk, turn, 3)
    assert [body.get("type") for body in desk.meta.bodies] == ["reaction", None, None]


async def test_nor_does_one_whose_lease_is_lost(desk: Desk) -> None:
    turn = await a_turn(desk)
    await desk.sql("UPDATE conversation SET lease_owner = gen_random_uuid() RETURNING 1")
    await show_until(desk, turn, 1)
    assert [body.get("type") for body in desk.meta.bodies] == [None]


async def test_the_setting_switches_the_reaction_off(desk: Desk) -> None:
    await show_until(desk, await a_turn(desk), 1, react=False)
    assert [body.get("status") for body in desk.meta.bodies] == ["read"]


async def test_a_reaction_is_kept_with_its_price_and_is_no_part_of_the_history(desk: Desk) -> None:
    turn = await a_turn(desk)
    await show_until(desk, turn, 2)
    [(wamid,)] = await desk.sql("SELECT wamid FROM message WHERE type = 'reaction' AND status = 'accepted'")
    price = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    await desk.deliver(statuses=[status("delivered", wamid, pricing=price)])
    assert await desk.sql("SELECT category, billable, messages FROM cost_ledger") == [("service", True, 1)]
    async with desk.pool.connection() as conn:
        from gateway.store.conversations import history

        assert [item.kind for item in await history(conn, turn.contact_id, 10)] == ["text"]


async def test_without_a_slot_at_hand_there_is_no_reaction(desk: Desk) -> None:
    turn = await a_turn(desk)
    while not await desk.limiter.acquire(NUMBER, str(turn.contact_id)):
        pass
    await show_until(desk, turn, 1)
    assert [body.get("type") for body in desk.meta.bodies] == [None]
    assert await desk.sql("SELECT reacted_at FROM turn") == [(None,)]


async def test_typing_is_renewed_while_the_turn_runs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_TYPING_SECONDS", 0.01)
    await show_until(desk, await a_turn(desk), 4, react=False)
    assert {body["typing_indicator"]["type"] for body in desk.meta.bodies} == {"text"}


@pytest.mark.parametrize("answer", [refused(131026), refused(1, 500), httpx.ReadTimeout("late")])
async def test_a_refused_reaction_leaves_the_receipt(desk: Desk, answer: Any) -> None:
    desk.meta.answers = [answer]
    await show_until(desk, await a_turn(desk), 2)
    assert desk.meta.bodies[1]["status"] == "read"


async def test_a_refused_receipt_is_not_repeated(desk: Desk) -> None:
    turn = await a_turn(desk)
    desk.meta.answers = [refused(100)]
    await presence_of(desk, react=False).show(CHANNEL, turn)
    assert len(desk.meta.bodies) == 1
    assert await desk.clients.problem() is None


async def test_a_refused_token_stops_the_number(desk: Desk) -> None:
    turn = await a_turn(desk)
    desk.meta.answers = [refused(190, 401)]
    await presence_of(desk).show(CHANNEL, turn)
    assert "access token" in str(await desk.clients.problem())
    await presence_of(desk).show(CHANNEL, turn)
    assert len(desk.meta.bodies) == 1


class SlowMeta:
    """Answers a receipt only when it is let; notes what ends when."""

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
async def slow(pool: Pool) -> AsyncIterator[tuple[Bench, SlowMeta]]:
    meta = SlowMeta()
    bench = Bench(pool)
    http = httpx.AsyncClient(transport=httpx.MockTransport(meta))
    clients = MetaClients(http, "https://graph.facebook.com", "v26.0")
    bench.turns._show_presence = Presence(pool, clients, Limiter(None, pool), react=False).show
    yield bench, meta
    meta.gate.set()
    await bench.turns.drain()


async def test_a_receipt_under_way_ends_before_the_answer_is_queued(
    slow: tuple[Bench, SlowMeta], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_GRACE_SECONDS", 60)
    monkeypatch.setattr(loops, "_CANCEL_AGAIN", 60)
    bench, meta = slow
    bench.server.gate.clear()
    await bench.receive(text("Olá"))
    await bench.turns.step()
    await until(lambda: meta.log == ["read begins"])
    bench.server.gate.set()
    await until(lambda: [run["status"] for run in bench.server.runs] == ["success"])
    assert await bench.replies() == []
    meta.gate.set()
    await until(lambda: not bench.turns._held)
    assert meta.log == ["read begins", "read ends"]
    assert await bench.replies() == ["Olá"]


async def test_a_receipt_that_hangs_does_not_hold_the_answer_back(
    slow: tuple[Bench, SlowMeta], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_GRACE_SECONDS", 0.01)
    bench, meta = slow
    await bench.receive(text("Olá"))
    await bench.settle()
    assert await bench.replies() == ["Olá"]
    assert meta.log in (["read begins"], [])
