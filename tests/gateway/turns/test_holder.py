"""Turns over a real Postgres, with an agent server whose faults the tests choose."""

import asyncio
from uuid import uuid4

import pytest

from gateway.numbers.channels import Channel
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store.database import Pool
from gateway.store.turns.turns import Turn
from gateway.turns.agent_server import Agent
from tests.gateway.support.agent_server import echo, inputs
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.harness import Gateway, until


async def test_a_message_becomes_one_run_and_its_reply_is_queued(gateway: Gateway) -> None:
    message = text("Olá")
    await gateway.receive(message)
    await gateway.settle()
    [run] = gateway.agent.runs
    assert run["context"] == {
        "channel_id": NUMBER,
        "customer_id": run["context"]["customer_id"],
        "customer_keys": [
            {
                "kind": "wa_id",
                "value": "5511987654321",
                "since": run["context"]["customer_keys"][0]["since"],
                "until": None,
            },
        ],
        "verification": "verified",
        "erasure": "request",
        "customer_name": "Maria",
        "locale": "pt_BR",
        "capability": run["context"]["capability"],
    }
    assert run["input"]["turn_id"] == run["metadata"]["turn_id"]
    assert await gateway.replies() == ["Olá"]
    assert gateway.shown == [message["id"]]
    assert await gateway.sql("SELECT state, attempts FROM turn") == [("done", 0)]
    assert await gateway.sql("SELECT due_at, lease_owner FROM conversation") == [(None, None)]


async def test_a_burst_is_one_turn_in_the_customers_order(gateway: Gateway) -> None:
    burst = [text(str(n), timestamp=1_790_000_000 + n) for n in range(5)]
    for message in reversed(burst):
        await gateway.receive(message)
    await gateway.settle()
    assert inputs(gateway.agent) == [["0", "1", "2", "3", "4"]]


async def test_the_quiet_period_holds_a_turn_back_but_not_for_ever(pool: Pool) -> None:
    gateway = Gateway(pool, QuietPeriod(1000, 3000))
    await gateway.receive(text("a"))
    assert 990 < await gateway.turns.step() <= 1000 or gateway.turns._bounds.lease < 990
    assert gateway.agent.runs == []
    # 2,500 s later another message: quiet is not over, but the first has waited almost 3,000 s
    await gateway.sql("UPDATE message SET created_at = created_at - interval '2500 s' RETURNING 1")
    await gateway.receive(text("b"))
    [(wait,)] = await gateway.sql("SELECT extract(epoch FROM due_at - now())::float8 FROM conversation")
    assert 490 < wait < 501
    await gateway.sql("UPDATE conversation SET due_at = now() RETURNING 1")
    await gateway.settle()
    assert inputs(gateway.agent) == [["a", "b"]]


async def test_what_arrives_during_a_turn_waits_for_the_next(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("first"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.receive(text("second"))
    await gateway.turns.step()
    assert len(gateway.agent.runs) == 1
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    await gateway.settle()
    assert inputs(gateway.agent) == [["first"], ["second"]]
    assert await gateway.replies() == ["first", "second"]


async def test_a_run_whose_creation_is_in_doubt_is_adopted(gateway: Gateway) -> None:
    gateway.agent.lose_answers = 1
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


@pytest.mark.parametrize("newest", ["error", "interrupted"])
async def test_of_the_runs_of_a_turn_the_newest_one_counts(gateway: Gateway, newest: str) -> None:
    turn, thread = uuid4(), uuid4()
    gateway.agent.runs = [
        {"run_id": str(uuid4()), "thread_id": str(thread), "metadata": {"turn_id": str(turn)}, "status": status}
        for status in (newest, "success")
    ]
    async with Agent("http://agent", None, gateway.agent.transport()) as agent:
        assert await agent.find(thread, turn) is None
        gateway.agent.runs.pop(0)
        assert await agent.find(thread, turn) is not None


async def test_a_run_that_the_server_does_not_name_is_looked_for(gateway: Gateway) -> None:
    gateway.agent.names = False
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


async def test_a_run_goes_on_whose_request_breaks(gateway: Gateway) -> None:
    gateway.agent.breaks = 1
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: not gateway.agent.breaks)
    gateway.agent.gate.set()
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


async def test_a_lost_run_is_posted_again(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    gateway.agent.lose_everything()
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert inputs(gateway.agent) == [["Olá"]]
    assert await gateway.replies() == ["Olá"]


async def test_a_lost_run_that_had_begun_goes_on_without_input(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    lost = gateway.agent.runs[0]
    gateway.agent.lose_everything()
    gateway.agent.begun = lost["metadata"]["turn_id"]
    gateway.agent.answer = lambda _: {"turn_id": gateway.agent.begun, "replies": [{"type": "text", "text": "went on"}]}
    lost["input"] = dict(lost["input"])
    gateway.agent.gate.set()
    await until(lambda: len(gateway.agent.runs) == 1)
    assert gateway.agent.runs[0]["input"] is None


async def test_a_server_that_is_away_costs_no_attempt(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.turns.run._AWAY_RETRY_SECONDS", 0.01)
    gateway.agent.away = True
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await asyncio.sleep(0.1)
    assert gateway.agent.runs == []
    gateway.agent.away = False
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Olá"]
    assert await gateway.sql("SELECT attempts FROM turn") == [(0,)]


async def test_a_run_whose_server_cannot_reach_its_database_costs_no_attempt(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.turns.run._AWAY_RETRY_SECONDS", 0.01)
    gateway.agent.fail = ["StateAwayError"] * 5
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert await gateway.replies() == ["Olá"]
    assert len(gateway.agent.runs) == 6
    assert await gateway.sql("SELECT attempts, error FROM turn") == [(0, None)]


async def test_a_failed_run_is_tried_again_and_then_the_customer_is_told_once(gateway: Gateway) -> None:
    gateway.agent.fail = ["ValueError", "ValueError"]
    await gateway.receive(text("Olá"))
    for _ in range(3):
        await gateway.settle()
    assert await gateway.replies() == ["Olá"]
    gateway.agent.fail = ["ValueError"] * 3
    await gateway.receive(text("de novo"))
    for _ in range(4):
        await gateway.settle()
    [_, apology] = await gateway.replies()
    assert apology.startswith("Desculpe")
    assert await gateway.sql("SELECT state, error FROM turn ORDER BY started_at DESC LIMIT 1") == [
        ("failed", "ValueError")
    ]


async def test_a_turn_is_bounded_and_its_run_cancelled(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.turns.holder._MIN_ATTEMPT_SECONDS", 1)
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.settle(gateway.worker(timeout=1))
    assert gateway.agent.runs[0]["status"] == "interrupted"
    assert [reply[:8] for reply in await gateway.replies()] == ["Desculpe"]


async def test_an_invalid_reply_becomes_an_apology(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [{"type": "hologram"}]}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert [reply[:8] for reply in await gateway.replies()] == ["Desculpe"]


async def test_three_failed_turns_in_a_row_call_a_person(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [{"type": "hologram"}]}
    await _fail(gateway, 2)
    gateway.agent.answer = echo
    await gateway.receive(text("agora sim"))
    await gateway.settle()
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [{"type": "hologram"}]}
    await _fail(gateway, 2)
    assert await gateway.sql("SELECT holder FROM conversation") == [("agent",)]
    await _fail(gateway, 1)
    held = await gateway.sql("SELECT holder, handoff_reason FROM conversation")
    assert held == [("person", "três respostas seguidas falharam")]
    assert "Chamei uma pessoa" in (await gateway.replies())[-1]
    await gateway.sql("UPDATE conversation SET holder = 'agent', held_since = NULL RETURNING 1")
    await _fail(gateway, 1)  # given back: counted anew
    assert await gateway.sql("SELECT holder FROM conversation") == [("agent",)]


async def _fail(gateway: Gateway, turns: int) -> None:
    for _ in range(turns):
        await gateway.receive(text("Olá"))
        await gateway.settle()


async def test_an_answer_without_replies_ends_the_turn_silently(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [], "handoff": None}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert await gateway.replies() == []
    assert await gateway.sql("SELECT state FROM turn") == [("done",)]


async def test_while_a_person_holds_the_conversation_no_turn_starts(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE conversation SET holder = 'person' RETURNING 1")
    await gateway.settle()
    assert gateway.agent.runs == []


async def test_no_more_turns_than_there_is_room_for(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    for n in range(5):
        await gateway.receive(text(str(n), wa_id=f"55119{n:08d}"))
    small = gateway.worker(in_flight=2)
    await small.step()
    await small.step()
    assert len(small._held) == 2
    gateway.agent.gate.set()
    await until(lambda: not small._held)
    for _ in range(2):
        await gateway.settle(small)
    assert len(await gateway.replies()) == 5


async def test_a_worker_without_room_takes_the_next_turn_as_soon_as_one_ends(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.turns.holder._FULL_SECONDS", 60)
    gateway.agent.gate.clear()
    for n in range(3):
        await gateway.receive(text(str(n), wa_id=f"55119{n:08d}"))
    small = gateway.worker(in_flight=1)
    assert await small.step() == 0
    looking = asyncio.create_task(small.step())
    await asyncio.sleep(0)
    assert not looking.done()
    gateway.agent.gate.set()
    assert await looking == 0  # the next look is at once, and finds room
    for _ in range(2):
        await gateway.settle(small)
    assert len(await gateway.replies()) == 3


async def test_an_indicator_that_survives_its_cancellation_does_not_hold_the_answer_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.runtime.loops._CANCEL_INTERVAL_SECONDS", 0.01)
    lost = 0

    async def stubborn(_: Channel, turn: Turn) -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:  # as asyncio.wait_for of Python 3.11 may do
                lost += 1
        await asyncio.sleep(1000)

    worker = gateway.worker()
    worker._show_presence = stubborn
    await gateway.receive(text("Olá"))
    await gateway.settle(worker)
    assert lost == 2
    assert await gateway.replies() == ["Olá"]


async def test_a_server_that_loses_every_run_is_not_asked_for_ever(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("gateway.turns.run._pause", pause)
    gateway.agent.loses = True
    await gateway.receive(text("Olá"))
    for _ in range(3):
        await gateway.settle()
    assert gateway.agent.asked == 15
    assert pauses == [0, 0.5, 1.5, 3.5] * 3
    assert [reply[:8] for reply in await gateway.replies()] == ["Desculpe"]


async def test_an_error_that_begins_with_404_is_a_failed_run_and_no_lost_one(gateway: Gateway) -> None:
    gateway.agent.answer = lambda _: {"__error__": "404: the tool's page was not found"}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert gateway.agent.asked == 1
    assert await gateway.sql("SELECT attempts, error FROM turn") == [(1, "404")]


async def test_a_run_that_somebody_else_waits_for_is_not_cancelled(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.turns.holder._MIN_ATTEMPT_SECONDS", 1)
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    worker = gateway.worker(timeout=1)
    await worker.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.sql("UPDATE conversation SET lease_owner = gen_random_uuid() RETURNING 1")
    await until(lambda: not worker._held)
    assert gateway.agent.runs[0]["status"] == "running"
    assert await gateway.replies() == []


async def test_a_message_that_cannot_be_read_ends_its_turn_and_no_other(gateway: Gateway) -> None:
    await gateway.receive(text("doomed"), text("other", wa_id="5511900000000"))
    await gateway.sql("UPDATE message SET content = '7' WHERE content->>'text' = 'doomed' RETURNING 1")
    await gateway.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, wait_until)
           SELECT id, %s, 'M', 'image', 'stored', now() FROM message WHERE content = '7' RETURNING 1""",
        NUMBER,
    )
    await gateway.settle()
    assert await gateway.replies() == ["other"]
    for _ in range(2):
        await gateway.settle()
    assert [reply[:8] for reply in await gateway.replies()] == ["other", "Desculpe"]
    await gateway.receive(text("the next"))
    await gateway.settle()
    assert (await gateway.replies())[-1] == "the next"
