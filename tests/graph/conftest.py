"""Fixtures: business data in a fresh database, a graph around a scripted model, and the real agent server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient

from graph import business as business_module
from graph.agent import build
from graph.business import Business, create
from graph.model.chat import chat_model
from graph.server import persistence
from graph.server.retention import Retention
from graph.settings import Settings, settings
from simulator.ports import free_port
from simulator.stack.postgres import Postgres
from simulator.stack.process import Process
from tests.graph.support.model_server import ModelServer
from tests.graph.support.serving import Conversation, Server, client_of
from tests.graph.support.talk import Talk

ROOT = Path(__file__).parents[2]
TOKEN = "agent-token"
BUSINESS_TOKEN = "business-token"


@pytest.fixture(scope="session")
def database_template(make_template: Callable[..., str]) -> str:
    """The business tables with the demo's rows, and the tables of checkpoints and store."""

    async def prepare(url: str) -> None:
        await create(url)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AGENT_DATABASE_URL", url)
            settings.cache_clear()
            async with persistence.checkpointer() as saver, persistence.store() as store:
                await saver.setup()
                await store.setup()
        settings.cache_clear()

    return make_template("business", prepare)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment without settings. Variables that a test adds count from then, or from `settings.cache_clear()`."""
    monkeypatch.chdir(tmp_path)  # no .env of a developer
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


@pytest.fixture
async def data(environment: pytest.MonkeyPatch, database: str) -> AsyncIterator[Business]:
    """The business data of the test's database."""
    environment.setenv("DATABASE_URL", database)
    business_module.business.cache_clear()
    yield business_module.business()
    await business_module.business().close()
    business_module.business.cache_clear()


@pytest.fixture
def no_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the server's own retention from tidying at its start: of two at a time, one does nothing."""

    async def idle(_: Retention) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Retention, "run", idle)


@pytest.fixture
async def talk(data: Business) -> AsyncIterator[Talk]:
    """A conversation with the graph, in this process, its state in the test's database."""
    async with persistence.checkpointer() as saver, persistence.store() as store:
        yield Talk(saver, store)


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    """A scripted model behind HTTP."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def http_talk(talk: Talk, environment: pytest.MonkeyPatch, model_server: ModelServer, fresh_model: None) -> Talk:
    """A conversation whose model is behind HTTP; its client makes no retries."""
    environment.setenv("OPENAI_BASE_URL", model_server.url)
    environment.setenv("MODEL_RETRIES", "0")
    settings.cache_clear()
    chat_model.cache_clear()
    talk.graph = build(chat_model("openai:first"), talk.saver, talk.store)
    return talk


@pytest.fixture(scope="module")
def server_database(postgres: Postgres, database_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database that the server of a test module keeps."""
    name = f"agent_{request.module.__name__.rpartition('.')[2]}"
    yield postgres.create_database(name, database_template)
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def start_server(
    model_server: ModelServer, server_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Process]]:
    """`start_server("langgraph.json")`: the real server, ready; `.url` of the process is its address."""
    started: list[Process] = []

    def start(config: str, port: int, **more: str) -> Process:
        folder = tmp_path_factory.mktemp("agent")
        process = _server_process(
            folder, ROOT / config, port, _server_environment(model_server, server_database) | more
        )
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="module")
def server(start_server: Callable[[str, int], Process]) -> Server:
    """The development server of a test module; a test that kills it starts it again."""
    port = free_port()
    return Server(start_server("langgraph.json", port), port)


@pytest.fixture
def fresh_model(model_server: ModelServer) -> Iterator[None]:
    """The module's model server without the script of earlier tests."""
    model_server.reset()
    yield
    model_server.reset()


@pytest.fixture
async def client(server: Server, fresh_model: None) -> AsyncIterator[LangGraphClient]:
    """A client of the module's server."""
    async with client_of(server, TOKEN) as one:
        yield one


@pytest.fixture
def conversation(client: LangGraphClient) -> Conversation:
    """A new thread of the module's server."""
    return Conversation(client)


def _server_process(folder: Path, config: Path, port: int, env: dict[str, str]) -> Process:
    options = ["--no-reload", "--no-browser", "--host", "127.0.0.1", "--n-jobs-per-worker", "50"]
    command = [str(ROOT / ".venv/bin/langgraph"), "dev", *options, "--port", str(port), "--config", str(config)]
    return Process("agent server", command, folder / "server.log", env=env, cwd=folder, ready=lambda: _answers(port))


def _server_environment(model: ModelServer, database: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database,
        "LANGGRAPH_TOKEN": TOKEN,
        "BUSINESS_TOKEN": BUSINESS_TOKEN,
        "STUDIO": "true",  # production ignores it
        "OPENAI_BASE_URL": model.url,
        "OPENAI_API_KEY": "scripted",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    }


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ok", timeout=2).is_success
    except httpx.TransportError:
        return False
