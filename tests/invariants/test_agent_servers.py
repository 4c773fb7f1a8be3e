"""Two agent servers on the whole stack: one is lost in the middle of a turn, and the other answers, once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulator.ports import free_ports
from tests.invariants.stack import Stack, eventually, running


@pytest.fixture(scope="module")
def two_servers(server_dir: Path) -> Iterator[Stack]:
    """A stack of its own with two agent servers, and a short time until one is given up."""
    environment = {"AGENT_REPLICAS": "2", "AGENT_AWAY_SECONDS": "3", "LANGGRAPH_PORT": str(free_ports(2))}
    directory = server_dir / "two-servers"
    directory.mkdir(mode=0o755)
    with running(directory, **environment) as stack:
        yield stack


def _is_well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ok", trust_env=False, timeout=5).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def stack(two_servers: Stack) -> Iterator[Stack]:
    two_servers.clear()
    for name in ("agent", "agent 2"):  # both, after the test before killed one
        eventually(lambda name=name: _is_well(two_servers.address(name)), f"{name} well")
    yield two_servers
    two_servers.http.request("DELETE", "/_sim/faults")


def in_mid_turn(stack: Stack) -> tuple[str, str]:
    """Let a customer write, and hold the model's answer; return the names of the turn's server and of the other one."""
    hold = stack.fault(on="model", kind="hold", times=1)
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.held(hold)
    own = server_of(stack, "open")
    return own, "agent" if own == "agent 2" else "agent 2"


def server_of(stack: Stack, state: str) -> str:
    [(url,)] = stack.sql("SELECT server FROM turn WHERE state = %s", state)
    return next(name for name in ("agent", "agent 2") if stack.address(name) == url)


def test_kill_9_of_a_turns_server(stack: Stack) -> None:
    own, other = in_mid_turn(stack)
    os.kill(stack.part(own)["pid"], signal.SIGKILL)  # it is started again, later than the other one answers
    [reply] = stack.answered()
    assert "Em separação" in reply
    stack.settle()
    assert (stack.replies(), server_of(stack, "done")) == ([reply], other)


def test_a_server_that_wakes_up_after_another_one_has_answered(stack: Stack) -> None:
    own, other = in_mid_turn(stack)
    pid = stack.part(own)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        [reply] = stack.answered()
        assert server_of(stack, "done") == other
        stack.say("Obrigada")
        stack.answered(count=2)
    finally:
        os.kill(pid, signal.SIGCONT)
    stack.say("E o pedido 12345?")
    stack.answered(count=3)
    stack.settle()
    assert len(stack.replies()) == 3
    assert "Em separação" in reply
