"""The behaviour of an agent server that the gateway relies on, asked of the real one through the gateway's own client.

A server of another make has to answer the same: docs/decisions/several-agent-servers.md says how to ask it.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from gateway.turns import agent_server
from gateway.turns.agent_server import Agent, AgentAwayError, Answer, RunCutOffError, RunFailedError, RunLostError
from tests.invariants.stack import LANGGRAPH_TOKEN, MARIA, Stack

CONTEXT = {
    "channel_id": "100000000000001",
    "customer_id": str(uuid.uuid4()),
    "customer_keys": [{"kind": "wa_id", "value": MARIA}],
    "customer_name": "Maria",
    "locale": "pt_BR",
}
THAT_WAIT = "FROM pg_stat_activity WHERE usename = 'wa_agent' AND wait_event_type = 'Lock'"


def turn_input(turn: UUID, text: str) -> dict[str, Any]:
    message = {
        "id": f"wamid.{uuid.uuid4()}", "kind": "text", "text": text, "media": None, "interactive": None,
        "location": None, "context": None, "timestamp": "2026-11-23T12:00:00+00:00",
    }  # fmt: skip
    return {"turn_id": str(turn), "inbound": [message], "since": []}


@pytest.fixture
async def agent(stack: Stack) -> AsyncIterator[Agent]:
    async with Agent(stack.address("agent"), LANGGRAPH_TOKEN) as agent:
        yield agent


@pytest.fixture
def thread() -> UUID:
    return uuid.uuid4()


@pytest.fixture
def turn() -> UUID:
    return uuid.uuid4()


async def start(agent: Agent, thread: UUID, turn: UUID, text: str = "pedido 12345") -> UUID:
    """Request a run, and go away."""
    async with agent.start(thread, turn, "agent", turn_input(turn, text), CONTEXT, fence=time.time_ns()) as run:
        return run.id


async def resume(agent: Agent, thread: UUID, turn: UUID) -> UUID:
    async with agent.start(thread, turn, "agent", None, CONTEXT, fence=time.time_ns()) as run:
        return run.id


async def test_a_run_is_found_by_its_turn_and_gives_its_replies(agent: Agent, thread: UUID, turn: UUID) -> None:
    assert await agent.find(thread, turn) is None
    run = await start(agent, thread, turn)
    assert await agent.find(thread, turn) == run
    answer = await agent.wait(thread, run, turn)
    assert "Em separação" in answer.replies[0]["text"]
    assert answer.handoff is None
    assert answer.usage is not None
    assert answer.usage.tokens_in > answer.usage.tokens_out > 0
    assert await agent.find(thread, turn) == run
    assert await agent.find(thread, uuid.uuid4()) is None
    assert not await agent.begun(thread, turn, "agent")


async def test_the_same_turn_again_gives_the_same_replies(stack: Stack, agent: Agent, thread: UUID, turn: UUID) -> None:
    asked_for = turn_input(turn, "pedido 12345")

    async def answer() -> Answer:
        async with agent.start(thread, turn, "agent", asked_for, CONTEXT, fence=time.time_ns()) as run:
            return await run.answer()

    first = await answer()
    asked = len(stack.calls("/chat/completions"))
    assert await answer() == first
    assert len(stack.calls("/chat/completions")) == asked


async def test_the_answer_comes_by_the_request_of_the_run(agent: Agent, thread: UUID, turn: UUID) -> None:
    asked_for = turn_input(turn, "pedido 12345")
    async with agent.start(thread, turn, "agent", asked_for, CONTEXT, fence=time.time_ns()) as run:
        assert await agent.find(thread, turn) == run.id
        answer = await run.answer()
    assert "Em separação" in answer.replies[0]["text"]
    assert answer == await agent.wait(thread, run.id, turn)


@pytest.mark.parametrize("end", ["failed", "cancelled"])
async def test_the_request_of_a_run_that_fails_says_so(
    stack: Stack, agent: Agent, thread: UUID, turn: UUID, end: str
) -> None:
    if end == "failed":
        stack.fault(on="model", kind="error", status=401, times=1, message="segredo")
    hold = stack.fault(on="model", kind="hold", times=1) if end == "cancelled" else None
    async with agent.start(thread, turn, "agent", turn_input(turn, "Oi"), CONTEXT, fence=time.time_ns()) as run:
        if hold:
            stack.held(hold)
            await agent.cancel(thread, run.id)
        with pytest.raises(RunFailedError) as failure:
            await run.answer()
    assert "segredo" not in str(failure.value)


async def test_waiting_again_for_a_run_that_ended_gives_the_same(agent: Agent, thread: UUID, turn: UUID) -> None:
    run = await start(agent, thread, turn)
    assert await agent.wait(thread, run, turn) == await agent.wait(thread, run, turn)


async def test_a_run_that_lasts_gives_signs_of_life(
    stack: Stack, thread: UUID, turn: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_server, "_TIMEOUT", httpx.Timeout(8))
    hold = stack.fault(on="model", kind="hold", times=1)
    asked_for = turn_input(turn, "Oi")
    async with (
        Agent(stack.address("agent"), LANGGRAPH_TOKEN) as agent,
        agent.start(thread, turn, "agent", asked_for, CONTEXT, fence=time.time_ns()) as run,
    ):
        both = [asyncio.ensure_future(run.answer()), asyncio.create_task(agent.wait(thread, run.id, turn))]
        stack.held(hold)
        ended, _ = await asyncio.wait(both, timeout=12)
        assert not ended
        stack.release(hold)
        first, joined = await asyncio.gather(*both)
    assert first == joined


async def test_an_unknown_run_is_lost(agent: Agent, thread: UUID, turn: UUID) -> None:
    with pytest.raises(RunLostError):
        await agent.wait(thread, uuid.uuid4(), turn)
    await agent.wait(thread, await start(agent, thread, turn), turn)
    with pytest.raises(RunLostError):
        await agent.wait(thread, uuid.uuid4(), turn)


async def test_an_unknown_assistant_fails_the_run(agent: Agent, thread: UUID, turn: UUID) -> None:
    with pytest.raises(RunFailedError, match="refused"):
        async with agent.start(thread, turn, "nobody", turn_input(turn, "Oi"), CONTEXT, fence=time.time_ns()):
            pass


async def test_a_wrong_token_is_trouble_of_the_server_not_of_the_turn(stack: Stack, thread: UUID, turn: UUID) -> None:
    async with Agent(stack.address("agent"), "wrong") as agent:
        with pytest.raises(AgentAwayError, match="401"):
            await start(agent, thread, turn)


async def test_a_failed_run_says_so_without_quoting_and_can_be_resumed(
    stack: Stack, agent: Agent, thread: UUID, turn: UUID
) -> None:
    stack.fault(on="model", kind="error", status=401, times=1, message="segredo")
    run = await start(agent, thread, turn)
    with pytest.raises(RunFailedError) as failure:
        await agent.wait(thread, run, turn)
    assert "segredo" not in str(failure.value)
    assert await agent.find(thread, turn) is None  # it is not alive: nothing to adopt
    assert await agent.begun(thread, turn, "agent")
    again = await resume(agent, thread, turn)
    assert "Em separação" in (await agent.wait(thread, again, turn)).replies[0]["text"]


async def test_a_run_whose_own_database_goes_away_says_so_and_can_be_resumed(
    stack: Stack, agent: Agent, thread: UUID, turn: UUID
) -> None:
    hold = stack.fault(on="model", kind="hold", times=1)
    with psycopg.connect(stack.database_url()) as superuser:
        run = await start(agent, thread, turn)
        stack.held(hold)
        superuser.execute("LOCK TABLE agent.checkpoint_writes IN ACCESS EXCLUSIVE MODE")
        stack.release(hold)
        ended = asyncio.create_task(agent.wait(thread, run, turn))
        while not ended.done():
            stack.sql(f"SELECT pg_terminate_backend(pid) {THAT_WAIT}")
            await asyncio.sleep(0.05)
        with pytest.raises(RunCutOffError):
            await ended
        superuser.rollback()
    assert await agent.find(thread, turn) is None
    begun = await agent.begun(thread, turn, "agent")  # or the run had only to store its end
    if begun:
        again = await resume(agent, thread, turn)
    else:
        again = await start(agent, thread, turn)
    assert "Em separação" in (await agent.wait(thread, again, turn)).replies[0]["text"]


async def test_a_cancelled_run_fails(stack: Stack, agent: Agent, thread: UUID, turn: UUID) -> None:
    hold = stack.fault(on="model", kind="hold", times=1)
    run = await start(agent, thread, turn)
    stack.held(hold)
    await agent.cancel(thread, run)
    with pytest.raises(RunFailedError):
        await agent.wait(thread, run, turn)


async def test_a_killed_server_loses_the_run_and_the_turn_goes_on(
    stack: Stack, agent: Agent, thread: UUID, turn: UUID
) -> None:
    if not any(part["name"] == "agent" for part in stack.described["processes"]):
        pytest.skip("this stack did not start the agent server, so that it cannot kill it")
    hold = stack.fault(on="model", kind="hold", times=1)
    asked_for = turn_input(turn, "pedido 12345")
    async with agent.start(thread, turn, "agent", asked_for, CONTEXT, fence=time.time_ns()) as run:
        stack.held(hold)
        stack.kill("agent")
        stack.release(hold)
        with pytest.raises(AgentAwayError):
            await run.answer()
    with pytest.raises((RunLostError, AgentAwayError)):
        await agent.wait(thread, run.id, turn)
    assert await agent.find(thread, turn) is None
    assert await agent.begun(thread, turn, "agent")
    again = await resume(agent, thread, turn)
    assert "Em separação" in (await agent.wait(thread, again, turn)).replies[0]["text"]
