"""The in-memory runtime forgets runs and threads, and clients notice no difference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langgraph_sdk.errors import NotFoundError

from graph.server.memory_cleanup import clean_up
from simulator.ports import free_port
from simulator.stack.process import Process
from tests.graph.conftest import ROOT
from tests.graph.support.model_server import ModelServer
from tests.graph.support.serving import Conversation, Server
from tests.graph.support.talk import turn_input

NOW = datetime.now(UTC)
OLD = NOW - timedelta(hours=2)


def run(thread: str, status: str, updated_at: datetime) -> dict[str, Any]:
    return {"thread_id": thread, "status": status, "updated_at": updated_at}


def test_what_is_under_way_or_young_stays() -> None:
    runs = [
        run("a", "success", OLD), run("b", "running", OLD), run("c", "pending", OLD), run("d", "error", NOW),
        run("a", "timeout", OLD), run("e", "interrupted", OLD),
    ]  # fmt: skip
    threads = [{"thread_id": one, "updated_at": NOW if one == "e" else OLD} for one in "abcdef"]
    store: dict[str, Any] = {"runs": runs, "threads": threads}
    clean_up(store, NOW - timedelta(hours=1))
    assert [(one["thread_id"], one["status"]) for one in store["runs"]] == [
        ("b", "running"), ("c", "pending"), ("d", "error"),
    ]  # fmt: skip
    assert [one["thread_id"] for one in store["threads"]] == ["b", "c", "d", "e"]
    assert (len(runs), len(threads)) == (6, 6)  # who reads them at this moment is not disturbed


@pytest.fixture(scope="module")
def server(start_server: Callable[[str, int], Process], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server that soon removes ended runs."""
    config = json.loads((ROOT / "langgraph.json").read_text())
    config["checkpointer"]["path"] = "tests.graph.support.forgetful.checkpointer"
    config["dependencies"] = [str(ROOT)]
    path = tmp_path_factory.mktemp("config") / "langgraph.json"
    path.write_text(json.dumps(config))
    port = free_port()
    return Server(start_server(str(path), port), port)


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
