"""Two agent servers on one Postgres: one is suspended in a turn, the other goes on, and the first wakes up too late."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from langgraph_sdk.client import LangGraphClient

from simulator.ports import free_port
from tests.graph.conftest import TOKEN
from tests.graph.support.model_server import Message, ModelServer, call, last_user_text, say
from tests.graph.support.serving import Conversation, Server, client_of, somebody_waits, until
from tests.graph.support.talk import texts, turn_input


@pytest.fixture(scope="module")
def other_server(start_server: Callable[..., object]) -> Server:
    """A second server on the database of the first one."""
    port = free_port()
    return Server(start_server("langgraph.json", port), port)  # type: ignore[arg-type]


@pytest.fixture
async def other_client(other_server: Server, fresh_model: None) -> AsyncIterator[LangGraphClient]:
    """A client of the second server."""
    async with client_of(other_server, TOKEN) as client:
        yield client


@pytest.fixture
def first(client: LangGraphClient) -> Conversation:
    """The conversation at the server that will be suspended."""
    return Conversation(client, fence=1)


@pytest.fixture
async def second(other_client: LangGraphClient, first: Conversation) -> Conversation:
    """The same conversation at the other server, whose runs are requested later."""
    await other_client.threads.create(thread_id=first.thread, graph_id="agent", if_exists="do_nothing")
    return Conversation(other_client, first.thread, fence=10)


@asynccontextmanager
async def suspended(server: Server) -> AsyncIterator[None]:
    """Suspend a server, with all that it has started, while the block runs."""
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)


async def answered_meanwhile(second: Conversation, turn: str) -> list[str]:
    """Resume the turn at the other server, answer the next one there too; return what the customer reads."""
    _, resumed = await second.go_on(turn)
    following = str(uuid.uuid4())
    status, output = await second.turn(following, "E agora?")
    assert status == "success"
    return [*texts(resumed), *texts(output)]


async def refused_too_late(first: Conversation, run: str, second: Conversation) -> None:
    """Check that the run of the server that woke up fails, and that the thread is as the other one left it."""
    before = (await second.client.threads.get_state(second.thread))["values"]
    status, output = await first.finish(run)
    assert (status, output["__error__"]["error"]) == ("error", "FencedError")
    after = (await second.client.threads.get_state(second.thread))["values"]
    assert after == before
    assert await _texts_of_next(second) == ["Você disse: Ainda aí?"]


async def _texts_of_next(second: Conversation) -> list[str]:
    return texts((await second.turn(str(uuid.uuid4()), "Ainda aí?"))[1])


async def test_suspended_in_the_call_of_the_model(
    first: Conversation, second: Conversation, server: Server, model_server: ModelServer
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def script(messages: list[Message]) -> Message:
        if not asked.is_set():
            asked.set()
            go_on.wait(60)
        return say(f"Você disse: {last_user_text(messages)}")

    model_server.script = script
    turn = str(uuid.uuid4())
    run = await first.start(turn, turn_input(turn, "Oi"))
    await asyncio.to_thread(asked.wait, 60)
    async with suspended(server):
        assert await answered_meanwhile(second, turn) == ["Você disse: Oi", "Você disse: E agora?"]
    go_on.set()
    await refused_too_late(first, run, second)


@pytest.mark.parametrize(
    ("table", "reply"), [("business.tickets", "O sistema não respondeu."), ("agent.checkpoints", "Chamado ")]
)
async def test_suspended_in_a_tool_and_before_it(
    first: Conversation,
    second: Conversation,
    server: Server,
    model_server: ModelServer,
    server_database: str,
    table: str,
    reply: str,
) -> None:
    """Suspended in the tool's request, whose transaction stays open, and while the checkpoint before it is written."""
    model_server.script = _ticket_script
    asked, turn = str(uuid.uuid4()), str(uuid.uuid4())
    await first.turn(asked, "Abra um chamado")
    with psycopg.connect(server_database) as lock:
        lock.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        run = await first.start(turn, turn_input(turn, "Sim"))
        await until(lambda: somebody_waits(server_database))
        async with suspended(server):
            lock.rollback()
            replies = await answered_meanwhile(second, turn)
    assert replies[0].startswith(reply)
    assert replies[1] == "Você disse: E agora?"
    await refused_too_late(first, run, second)
    with psycopg.connect(server_database) as connection:
        tickets = connection.execute(
            "SELECT count(*) FROM business.tickets WHERE idempotency_key LIKE %s", [f"{asked}:%"]
        ).fetchone()
    # The customer was told that nobody knows whether there is one, if the suspended tool had to give up.
    assert tickets == (1,) or (tickets == (0,) and table == "business.tickets")


def _ticket_script(messages: list[Message]) -> Message:
    if messages[-1]["role"] == "tool":
        return say(messages[-1]["content"])
    if "chamado" in last_user_text(messages):
        return call("create_ticket", f"call-{uuid.uuid4()}", subject="Lente", description=last_user_text(messages))
    return say(f"Você disse: {last_user_text(messages)}")
