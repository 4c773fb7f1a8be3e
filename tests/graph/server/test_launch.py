"""`python -m graph.server.launch`, which the open edition's image starts."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.server.launch import RUNTIME, server_environment
from simulator.ports import free_port
from simulator.stack.process import Process
from tests.graph.conftest import ROOT, TOKEN
from tests.graph.support.model_server import Message, ModelServer, say
from tests.graph.support.talk import context, texts, turn_input

CONFIG = ROOT / "langgraph.production.json"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


def test_the_server_is_told_everything_that_the_file_says() -> None:
    config = json.loads(CONFIG.read_text())
    told = server_environment(config, jobs=7)
    assert json.loads(told["LANGSERVE_GRAPHS"]) == config["graphs"]
    assert json.loads(told["LANGGRAPH_AUTH"]) == config["auth"]
    assert json.loads(told["LANGGRAPH_HTTP"]) == config["http"]
    assert json.loads(told["LANGGRAPH_STORE"]) == config["store"]
    assert json.loads(told["LANGGRAPH_CHECKPOINTER"]) == config["checkpointer"]
    assert config["env"].items() <= told.items()
    assert told["N_JOBS_PER_WORKER"] == "7"
    assert config["disable_persistence"]
    assert told["LANGGRAPH_DISABLE_FILE_PERSISTENCE"] == "true"


def test_no_key_of_the_file_is_left_out() -> None:
    known = {"graphs", "auth", "http", "store", "checkpointer", "env", "disable_persistence"}
    only_for_building = {"dependencies"}
    assert set(json.loads(CONFIG.read_text())) == known | only_for_building


def test_the_file_cannot_select_another_runtime() -> None:
    told = server_environment({"graphs": {}, "env": {"DATABASE_URI": "postgresql://elsewhere"}}, jobs=1)
    assert told["DATABASE_URI"] == RUNTIME["DATABASE_URI"]


def test_a_file_without_graphs_is_refused() -> None:
    with pytest.raises(KeyError, match="graphs"):
        server_environment({}, jobs=1)


@pytest.fixture
def server(model_server: ModelServer, server_database: str, tmp_path: Path) -> Iterator[tuple[Process, httpx.Client]]:
    """The server as the image starts it, in its own folder, and a client without credentials."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "graph.server.launch",
        "--config",
        str(CONFIG),
        "--port",
        str(port),
        "--drain",
        "30",
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": server_database,
        "LANGGRAPH_TOKEN": TOKEN,
        "OPENAI_BASE_URL": model_server.url,
        "OPENAI_API_KEY": "scripted",
    }
    log = tmp_path / "server.log"
    folder = tmp_path / "server"
    folder.mkdir()
    with httpx.Client(base_url=url, timeout=60) as client:
        process = Process(
            "agent server", command, log, env=environment, cwd=folder, ready=lambda: _answers(client), stop_seconds=40
        )
        process.start()
        yield process, client
        process.stop()
    model_server.reset()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ok").is_success
    except httpx.TransportError:
        return False


def test_only_the_token_opens_it(server: tuple[Process, httpx.Client]) -> None:
    _, client = server
    search = ("/assistants/search", {"limit": 1})
    assert client.post(search[0], json=search[1]).status_code == 401
    assert client.post(search[0], json=search[1], headers={"x-auth-scheme": "langsmith"}).status_code == 401
    [assistant] = client.post(search[0], json=search[1], headers=HEADERS).raise_for_status().json()
    assert assistant["graph_id"] == "agent"


def test_it_says_that_it_is_leaving_and_takes_requests_until_its_runs_have_ended(
    server: tuple[Process, httpx.Client], model_server: ModelServer
) -> None:
    process, client = server
    asked, release = threading.Event(), threading.Event()

    def slow(_: list[Message]) -> Message:
        asked.set()
        assert release.wait(30)
        return say("Ainda aqui.")

    model_server.script = slow
    client.headers.update(HEADERS)
    thread = f"/threads/{uuid.uuid4()}/runs"
    body = {"assistant_id": "agent", "input": turn_input("t1", "Oi"), "context": context(), "if_not_exists": "create"}
    run = client.post(thread, json=body).raise_for_status().json()["run_id"]
    assert asked.wait(30)
    os.kill(process.pid, signal.SIGTERM)
    told = _eventually(lambda: (answer := client.get("/ok")).is_error and answer)
    assert (told.status_code, told.headers["x-leaving"]) == (503, "true")
    release.set()
    assert texts(client.get(f"{thread}/{run}/join").raise_for_status().json()) == ["Ainda aqui."]
    assert client.get(f"{thread}/{run}").raise_for_status().json()["status"] == "success"
    _eventually(lambda: not process.alive)
    assert not list((process.cwd or Path()).rglob("*.pckl")), "the runtime keeps nothing on disk"


def _eventually(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found
