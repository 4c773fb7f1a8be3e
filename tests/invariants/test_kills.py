"""Any process may be killed at any moment: the message is answered exactly once, and its effects happen once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from tests.invariants.stack import Stack, eventually

TICKET = "Quero abrir um chamado: minha lente chegou arranhada"


@contextmanager
def tool_held(stack: Stack) -> Iterator[None]:
    """The tool that opens tickets stands still at its database for as long as this lasts."""
    stack.say(TICKET)
    stack.asked("Posso abrir este chamado?")
    stack.settle()
    with psycopg.connect(stack.database_url()) as conn:
        conn.execute("LOCK TABLE business.tickets IN ACCESS EXCLUSIVE MODE")
        stack.say("Sim")
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%tickets%'"
        eventually(lambda: stack.sql(waits), "a tool that waits")
        yield


def answered_once(stack: Stack) -> None:
    stack.answered()
    stack.settle()
    assert len(stack.replies()) == 1


@pytest.mark.parametrize("victim", ["gateway work", "gateway serve", "agent"])
def test_kill_9_in_mid_turn(stack: Stack, victim: str) -> None:
    hold = stack.fault(on="model", kind="hold", times=1)
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.held(hold)
    stack.kill(victim)
    stack.release(hold)
    answered_once(stack)
    assert "Em separação" in stack.replies()[0]


@pytest.mark.parametrize("victim", ["gateway work", "gateway serve", "agent"])
def test_kill_9_in_mid_tool(stack: Stack, victim: str) -> None:
    with tool_held(stack):
        stack.kill(victim)
    answered_once(stack)
    assert len(stack.sql("SELECT 1 FROM business.tickets")) == 1


def test_kill_9_of_everything_at_once(stack: Stack) -> None:
    hold = stack.fault(on="model", kind="hold", times=1)
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.held(hold)
    for victim in ("gateway work", "agent", "gateway serve"):
        stack.kill(victim)
    stack.release(hold)
    answered_once(stack)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_a_restart_of_postgres_in_mid_turn(stack: Stack, number: int) -> None:
    hold = stack.fault(on="model", kind="hold", times=1)
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.held(hold)
    stack.kill("postgres", number)
    stack.release(hold)
    answered_once(stack)


def test_kill_9_of_redis(stack: Stack) -> None:
    stack.say("Olá")
    stack.kill("valkey")
    answered_once(stack)


def test_a_worker_killed_in_the_act_of_sending_sends_nothing_twice(stack: Stack) -> None:
    hold = stack.fault(on="send", kind="hold", times=1, match={"type": "text"})
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.held(hold)
    stack.kill("gateway work")
    stack.release(hold)  # Meta has it; the echo of our id says so before the wait is over
    stack.sql("UPDATE message SET lease_until = now() WHERE status = 'sending'")
    answered_once(stack)


def test_a_lost_answer_of_meta_is_settled_by_the_echo(stack: Stack) -> None:
    stack.fault(on="send", kind="lost_answer", match={"type": "text"})
    stack.say("Olá")
    answered_once(stack)


def test_webhooks_during_the_death_of_serve_come_again(stack: Stack) -> None:
    part = stack.part("gateway serve")
    hold = stack.fault(on="webhook", kind="hold", times=1, match={"kind": "messages"})
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.held(hold)
    stack.kill("gateway serve")
    stack.release(hold)
    assert stack.part("gateway serve")["pid"] != part["pid"]
    answered_once(stack)


def test_the_agent_away_is_named_and_waited_for(stack: Stack) -> None:
    import os

    agent = stack.part("agent")
    os.kill(agent["pid"], signal.SIGSTOP)
    try:
        stack.say("Olá")
        health = eventually(lambda: _degraded(stack), "health that names what is missing")
        assert "agent" in health
        assert httpx.get(f"{stack.address('work')}/healthz", timeout=10).status_code == 200
        assert httpx.get(f"{stack.address('ops')}/readyz", timeout=10).status_code == 200
    finally:
        os.kill(agent["pid"], signal.SIGCONT)
    answered_once(stack)


def _degraded(stack: Stack) -> dict[str, str]:
    answer = httpx.get(f"{stack.address('work')}/health", timeout=20)
    return {} if answer.status_code == 200 else {n: p for n, p in answer.json()["parts"].items() if p != "ok"}
