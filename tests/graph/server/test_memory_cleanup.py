"""The in-memory runtime forgets runs and threads, and clients notice no difference."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph_runtime_inmem.inmem_stream import StreamManager
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError

from gateway.turns.agent_server import Agent, RunLostError
from graph.server.memory_cleanup import KEPT_COUNT, clean_up, drop_streams
from simulator.ports import free_port
from simulator.stack.process import Process
from tests.graph.conftest import ROOT, TOKEN
from tests.graph.support.model_server import ModelServer
from tests.graph.support.serving import Conversation, Server
from tests.graph.support.talk import turn_input

NOW = datetime.now(UTC)
OLD = NOW - timedelta(hours=2)


def run(thread: str, status: str, updated_at: datetime) -> dict[str, Any]:
    return {"run_id": f"{thread}-{status}", "thread_id": thread, "status": status, "updated_at": updated_at}


def test_what_is_under_way_or_young_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.server.memory_cleanup.KEPT_COUNT", 1)
    runs = [
        run("a", "success", OLD), run("b", "running", OLD), run("c", "pending", OLD), run("d", "error", NOW),
        run("a", "timeout", OLD), run("e", "interrupted", OLD),
    ]  # fmt: skip
    threads = [{"thread_id": one, "updated_at": NOW if one == "e" else OLD} for one in "abcdef"]
    store: dict[str, Any] = {"runs": runs, "threads": threads}
    assert clean_up(store, NOW) == {"a-success", "a-timeout", "e-interrupted"}
    assert [(one["thread_id"], one["status"]) for one in store["runs"]] == [
        ("b", "running"), ("c", "pending"), ("d", "error"),
    ]  # fmt: skip
    assert [one["thread_id"] for one in store["threads"]] == ["b", "c", "d", "e"]
    assert (len(runs), len(threads)) == (6, 6)  # who reads them at this moment is not disturbed


def test_the_newest_stay_however_old() -> None:
    runs = [run(str(number), "success", OLD + timedelta(seconds=number)) for number in range(KEPT_COUNT + 50)]
    store: dict[str, Any] = {"runs": runs, "threads": []}
    clean_up(store, NOW)
    assert store["runs"] == runs[50:]


async def test_a_queue_stays_for_a_request_that_has_not_made_its_run_yet() -> None:
    streams, thread = StreamManager(), uuid.uuid4()
    early, ended, left = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    await streams.add_queue(early, thread)
    await streams.add_queue(ended, thread)
    streams.get_queues(left, thread)
    drop_streams(streams, set(), {ended})
    assert list(streams.queues[thread]) == [early]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with the sizes of the structures in the server's memory."""
    return tmp_path_factory.mktemp("sizes") / "sizes.json"


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Process], tmp_path_factory: pytest.TempPathFactory, sizes: Path) -> Server:
    """A server that soon removes ended runs."""
    config = json.loads((ROOT / "langgraph.json").read_text())
    config["checkpointer"]["path"] = "tests.graph.support.forgetful.checkpointer"
    config["dependencies"] = [str(ROOT)]
    path = tmp_path_factory.mktemp("config") / "langgraph.json"
    path.write_text(json.dumps(config))
    port = free_port()
    return Server(start_server(str(path), port, MEMORY_SIZES=str(sizes)), port)


async def test_nothing_of_ended_runs_stays_in_memory(client: LangGraphClient, sizes: Path) -> None:
    for number in range(20):
        status, _ = await Conversation(client).turn(f"t{number}", "Oi")
        assert status == "success"
    async with asyncio.timeout(60):
        while await client.threads.search():  # what Studio lists
            await asyncio.sleep(0.1)
        while any((last := read(sizes)).values()):
            await asyncio.sleep(0.1)
    assert set(last) >= {"runs", "threads", "counters", "locks", "queues", "control_queues", "control_keys"}


async def test_a_run_that_is_gone_is_unknown_to_the_gateway(client: LangGraphClient, server: Server) -> None:
    first = Conversation(client)
    run_id = await first.start("t1", turn_input("t1", "Oi"))
    await forgotten(first, "t1")
    async with Agent(server.url, TOKEN) as agent:
        with pytest.raises(RunLostError):
            await agent.wait(uuid.UUID(first.thread), uuid.UUID(run_id), uuid.uuid4())
        assert await agent.find(uuid.UUID(first.thread), uuid.uuid4()) is None


async def test_a_forgotten_run_is_answered_as_before_and_the_conversation_goes_on(
    conversation: Conversation, model_server: ModelServer
) -> None:
    await conversation.start("t1", turn_input("t1", "Oi"))
    first = await forgotten(conversation, "t1")
    await conversation.start("t1", turn_input("t1", "Oi"))  # as the gateway does with a run that is not known
    assert (await forgotten(conversation, "t1"))["replies"] == first["replies"]
    assert len(model_server.requests) == 1
    await conversation.start("t2", turn_input("t2", "Tudo bem?"))
    state = await forgotten(conversation, "t2")
    assert [one["type"] for one in state["messages"]] == ["human", "ai", "human", "ai"]


def read(sizes: Path) -> dict[str, int]:
    """Return the sizes of the structures in the server's memory."""
    return json.loads(sizes.read_text())


async def forgotten(conversation: Conversation, turn_id: str) -> dict[str, Any]:
    """Return the state of the thread when the turn is over and the server has removed its run and the thread."""
    threads = conversation.client.threads
    async with asyncio.timeout(60):
        while True:
            try:
                await threads.get(conversation.thread)
            except NotFoundError:
                await threads.create(thread_id=conversation.thread, graph_id="agent", if_exists="do_nothing")
                state = await threads.get_state(conversation.thread)
                assert state["values"]["turn_id"] == turn_id
                assert not state["next"]
                return state["values"]
            await asyncio.sleep(0.05)
