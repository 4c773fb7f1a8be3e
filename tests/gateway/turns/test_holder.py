"""Turns over a real Postgres, with an agent server whose faults the tests choose."""

import asyncio
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gateway.numbers.channels import Channel
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store.database import Pool
from gateway.store.turns import turns
from gateway.store.turns.turns import Turn
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


async def test_two_workers_never_hold_one_conversation(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    for n in range(20):
        await gateway.receive(text(str(n), wa_id=f"55119{n:08d}"))
    other = gateway.worker()
    await asyncio.gather(gateway.turns.step(), other.step(), gateway.turns.step(), other.step())
    held = [*gateway.turns._held, *other._held]
    assert len(held) == len(set(held)) == 20
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held and not other._held)
    assert sorted(gateway.agent.created) == sorted(set(gateway.agent.created))


async def test_a_run_whose_creation_is_in_doubt_is_adopted(gateway: Gateway) -> None:
    gateway.agent.lose_answers = 1
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


async def test_a_dead_workers_turn_is_taken_over_and_its_run_adopted(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    for _, task in gateway.turns._held.values():  # dies without giving anything back
        task.cancel()
    other = gateway.worker()
    await other.step()
    assert not other._held
    await gateway.sql("UPDATE conversation SET lease_until = now() RETURNING 1")
    gateway.agent.gate.set()
    await gateway.settle(other)
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


async def test_a_drained_worker_gives_its_turns_back_at_once(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.turns.drain()
    gateway.agent.gate.set()
    await gateway.settle(gateway.worker())
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


async def test_who_lost_the_lease_changes_nothing(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.sql("UPDATE conversation SET lease_owner = gen_random_uuid() RETURNING 1")
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == []
    assert await gateway.sql("SELECT state FROM turn") == [("open",)]


async def test_a_lost_lease_stops_the_turn_at_the_next_renewal(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.turns.renew()
    assert gateway.turns._held
    await gateway.sql("UPDATE conversation SET lease_owner = gen_random_uuid() RETURNING 1")
    await gateway.turns.renew()
    await until(lambda: not gateway.turns._held)


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


async def test_a_turn_claimed_anew_during_a_renewal_is_not_stopped(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    [(turn, _)] = gateway.turns._held.values()
    await until(lambda: turn.run_id is not None)
    async with gateway.pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT FROM conversation FOR UPDATE")  # the renewal has to wait
        renewal = asyncio.create_task(gateway.turns.renew())
        waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not (await gateway.sql(waits))[0][0]:
            await asyncio.sleep(0.01)
        turn.lease = uuid4()
        await conn.execute("UPDATE conversation SET lease_owner = %s", (turn.lease,))
    await renewal
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
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
    assert pauses == [0.5, 1.0, 2.0, 4.0] * 3
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


async def test_a_claim_asks_as_much_for_fifty_conversations_as_for_one(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        asked.append(str(query))
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    counts = []
    for customers in (1, 50):
        await gateway.receive(*(text("Olá", wa_id=f"55119{customers:02d}{n:06d}") for n in range(customers)))
        async with gateway.pool.connection() as conn:
            asked.clear()
            assert len(await turns.claim(conn, 50, 60, [NUMBER])) == customers
            counts.append(len(asked))
    assert counts[0] == counts[1]
