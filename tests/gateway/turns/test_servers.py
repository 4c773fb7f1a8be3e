"""Several agent servers over real ports: which one answers a conversation, and where turns of a lost one go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.runtime import agent_servers
from gateway.runtime.agent_servers import AgentServers, State
from gateway.turns.agent_server import Agent
from gateway.turns.holder import Turns
from gateway.turns.servers import Servers, highest
from tests.gateway.support.agent_server import AgentServer
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway, until
from tests.gateway.support.serving import Killable

NAMES = st.lists(st.text("abcdef0123", min_size=1, max_size=12), min_size=2, max_size=9, unique=True)


@given(NAMES, st.lists(st.uuids(), min_size=1, max_size=50), st.integers(0))
def test_without_a_server_only_its_own_conversations_move(
    servers: list[str], conversations: list[UUID], number: int
) -> None:
    taken = servers[number % len(servers)]
    others = [server for server in servers if server != taken]
    for conversation in conversations:
        before = highest(conversation, servers)
        assert before == highest(conversation, reversed(servers))
        assert highest(conversation, others) == before or before == taken


def test_conversations_are_spread_evenly() -> None:
    servers = [f"http://agent-{number}:2024" for number in range(3)]
    chosen = [highest(UUID(int=number), servers) for number in range(3000)]
    assert all(900 < chosen.count(server) < 1100 for server in servers)


class Two:
    """Two agent servers, a worker, and the clock of the worker's looks."""

    def __init__(self, gateway: Gateway, ports: list[Killable], agents: list[AgentServer]) -> None:
        self.gateway, self.ports, self.agents, self.now = gateway, ports, agents, 0.0
        self.servers = self.new_servers(*(port.url for port in ports))
        self.turns = gateway.worker(self.servers)

    def new_servers(self, *urls: str) -> Servers:
        named = AgentServers(",".join(urls))
        return Servers(named, lambda url: Agent(url, None), away_seconds=10, clock=lambda: self.now)

    async def begin(self, turns: Turns | None = None) -> tuple[int, int]:
        """Let a customer write, and wait until one of the servers has the run; return its number and the other's."""
        for agent in self.agents:
            agent.gate.clear()
        await self.gateway.receive(text("Olá"))
        await (turns or self.turns).step()
        await until(lambda: any(agent.runs for agent in self.agents))
        await until_noted(self.gateway)
        first = 0 if self.agents[0].runs else 1
        return first, 1 - first

    async def answered(self, turns: Turns | None = None) -> list[str]:
        """Let all runs end; return the replies, when the worker has none of the turns any more."""
        for agent in self.agents:
            agent.gate.set()
        await until(lambda: not (turns or self.turns)._held)
        return await self.gateway.replies()


async def until_noted(gateway: Gateway) -> None:
    """Wait until the run's id is in the database."""
    while await gateway.sql("SELECT FROM turn WHERE state = 'open' AND run_id IS NULL"):
        pass


@pytest.fixture
async def two(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr("gateway.turns.run._AWAY_RETRY_SECONDS", 0.01)
    monkeypatch.setattr("gateway.turns.servers.INTERVAL_SECONDS", 60)  # a busy machine is not silent
    agents = [AgentServer(), AgentServer()]
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(Killable(agent.app())) for agent in agents]
        two = Two(gateway, ports, agents)
        await stack.enter_async_context(two.servers)
        await two.servers.step()
        yield two


async def test_a_conversation_stays_at_its_server(two: Two) -> None:
    first, other = await two.begin()
    assert await two.answered() == ["Olá"]
    for _ in range(4):
        await two.gateway.receive(text("E agora?"))
        await two.gateway.settle(two.turns)
    assert (len(two.agents[first].runs), len(two.agents[other].runs)) == (5, 0)
    assert await two.gateway.sql("SELECT DISTINCT server FROM turn") == [(two.ports[first].url,)]


async def test_a_killed_servers_turn_is_resumed_elsewhere_after_a_while_and_not_before(two: Two) -> None:
    first, other = await two.begin()
    two.agents[other].begun = two.agents[first].runs[0]["metadata"]["turn_id"]
    two.agents[other].answer = two.agents[first].answer
    await two.ports[first].kill()
    two.now = 9.9
    await two.servers.step()
    assert two.agents[other].runs == []
    two.now = 10
    await two.servers.step()
    await until(lambda: bool(two.agents[other].runs))
    [resumed] = two.agents[other].runs
    assert resumed["input"] is None  # it goes on where the checkpoints end
    assert resumed["metadata"]["fence"] > two.agents[first].runs[0]["metadata"]["fence"]
    assert await two.gateway.sql("SELECT server, attempts FROM turn") == [(two.ports[other].url, 0)]


async def test_a_server_that_hangs_is_left_too(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_servers, "LOOK_SECONDS", 1)
    first, other = await two.begin()
    two.agents[first].hangs = True
    two.now = 10
    await two.servers.step()
    await until(lambda: bool(two.agents[other].runs))
    two.agents[other].gate.set()
    await until(lambda: not two.turns._held)
    assert await two.gateway.replies() == ["Olá"]


async def test_a_silent_server_does_not_delay_the_looks_at_others(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_servers, "LOOK_SECONDS", 600)
    monkeypatch.setattr("gateway.turns.servers.INTERVAL_SECONDS", 0.2)
    two.agents[0].hangs = two.agents[1].leaving = True
    async with asyncio.timeout(60):
        for _ in range(2):
            assert await two.servers.step() == 0
    states = [server.state for server in two.servers._servers.values()]
    assert states == [State.WELL, State.LEAVING]  # nothing is known of the silent one yet


async def test_while_no_other_server_is_well_nothing_is_left(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_servers, "LOOK_SECONDS", 0.2)
    first, other = await two.begin()
    two.agents[first].hangs = two.agents[other].leaving = True
    two.now = 60
    await two.servers.step()
    two.agents[first].hangs = False
    assert await two.answered() == ["Olá"]
    assert two.agents[other].runs == []


async def test_a_run_that_a_restarted_server_does_not_know_is_resumed_at_once(two: Two) -> None:
    first, _ = await two.begin()
    two.agents[first].lose_everything()
    assert await two.answered() == ["Olá"]
    assert two.agents[first].asked == 2


async def test_a_server_that_is_leaving_ends_its_turn_and_gets_no_other(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_servers, "LOOK_SECONDS", 60)  # a busy machine is not away
    first, other = await two.begin()
    two.agents[first].leaving = True
    two.now = 60
    await two.servers.step()
    assert await two.answered() == ["Olá"]
    assert two.agents[other].runs == []
    await two.gateway.receive(text("E agora?"))
    await two.gateway.settle(two.turns)
    assert (two.agents[first].asked, two.agents[other].asked) == (1, 1)


async def test_a_server_that_refuses_connections_delays_no_new_turn(two: Two) -> None:
    first, other = await two.begin()
    assert await two.answered() == ["Olá"]
    await two.ports[first].kill()
    await two.gateway.receive(text("E agora?"))  # before anybody has looked
    await two.gateway.settle(two.turns)
    assert await two.gateway.replies() == ["Olá", "E agora?"]
    assert two.agents[other].asked == 1


async def test_the_next_worker_looks_for_the_run_where_it_was_requested(two: Two) -> None:
    """Also if that server is leaving, or is not named any more."""
    first, other = await two.begin()
    await two.turns.drain()
    two.agents[first].leaving = True
    async with two.new_servers(two.ports[other].url) as servers:
        await servers.step()
        next_worker = two.gateway.worker(servers)
        await next_worker.step()
        assert await two.answered(next_worker) == ["Olá"]
    assert (two.agents[first].asked, two.agents[other].asked) == (1, 0)


async def test_a_run_whose_creation_is_in_doubt_is_looked_for_at_its_server(two: Two) -> None:
    first, other = await two.begin()
    await two.turns.drain()
    await two.gateway.sql("UPDATE turn SET run_id = NULL RETURNING 1")
    two.agents[first].leaving = True
    await two.servers.step()
    next_worker = two.gateway.worker(two.servers)
    await next_worker.step()
    assert await two.answered(next_worker) == ["Olá"]
    assert (two.agents[first].asked, two.agents[other].asked) == (1, 0)


async def test_a_turn_of_the_last_release_has_no_server_and_is_found(two: Two) -> None:
    first, other = await two.begin()
    await two.turns.drain()
    await two.gateway.sql("UPDATE turn SET server = NULL RETURNING 1")
    next_worker = two.gateway.worker(two.servers)
    await next_worker.step()
    assert await two.answered(next_worker) == ["Olá"]
    assert (two.agents[first].asked, two.agents[other].asked) == (1, 0)


async def test_health_names_the_servers_that_are_away(two: Two) -> None:
    assert await two.servers.problem() is None
    await two.ports[1].kill()
    assert await two.servers.problem() == f"no answer from the agent server at {two.ports[1].url}"


async def test_a_server_that_is_not_named_any_more_is_forgotten_when_it_is_gone(two: Two) -> None:
    async with two.new_servers(two.ports[0].url) as servers:
        async with servers.at(two.ports[1].url):
            pass
        await servers.step()
        assert {url: one.state for url, one in servers._servers.items()} == {
            two.ports[0].url: State.WELL, two.ports[1].url: State.WELL
        }  # fmt: skip
        await two.ports[1].kill()
        two.now = 10
        await servers.step()
        assert list(servers._servers) == [two.ports[0].url]
