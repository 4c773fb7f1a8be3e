"""One console for all tests of the session, with everything switched on, an empty database for each, and a browser."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page

from simulator.ports import HOST, free_port
from simulator.stack.process import Process
from simulator.stack.supervise import answers
from tests.databases import Databases
from tests.gateway.console.browser.agent_server import AgentServer
from tests.gateway.console.conftest import HASH, PASSWORD
from tests.gateway.console.provider import CLIENT, SECRET, ServedProvider
from tests.simulator.phone.conftest import browser, new_page, screenshot

__all__ = ["browser", "new_page", "screenshot"]
TRACE_URL = "https://traces.example.com/r/{run_id}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Served:
    """The console of the session. clean: makes its database that of a console that nobody has used."""

    url: str
    database: str
    clean: Callable[[], None]


@pytest.fixture(scope="session")
def _agent_server() -> Iterator[AgentServer]:
    with AgentServer.running() as server:
        yield server


@pytest.fixture
def agent(_agent_server: AgentServer) -> AgentServer:
    """The agent server as far as the customer's panel asks it, which answers."""
    _agent_server.status = 200
    return _agent_server


@pytest.fixture(scope="session")
def _provider() -> Iterator[ServedProvider]:
    with ServedProvider.running() as provider:
        yield provider


@pytest.fixture
def provider(_provider: ServedProvider) -> ServedProvider:
    """The company's accounts, an OpenID provider at a port of its own, which signs in Ana Lima."""
    _provider.claims = {}
    return _provider


@pytest.fixture(scope="session")
def _served(
    databases: Databases, database_template: str, server_dir: Path, _agent_server: AgentServer,
    _provider: ServedProvider,
) -> Iterator[Served]:  # fmt: skip
    port, ops = free_port(), free_port()
    url = f"http://{HOST}:{port}"
    with databases.kept(database_template) as (database, clean):
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "MEDIA_URL": f"file://{server_dir}/files",
            "DATABASE_URL": f"{database}?options=-c%20role%3Dwa_console",  # with the rights that it has in production
            "CONSOLE_PORT": str(port), "CONSOLE_OPS_PORT": str(ops), "CONSOLE_URL": url, "TRACE_URL": TRACE_URL,
            "BUSINESS_TOKEN": "for-the-panel", "LANGGRAPH_URL": _agent_server.url,
            "OIDC_ISSUER": _provider.issuer, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET,
        }  # fmt: skip
        command = [sys.executable, "-m", "gateway.cli", "console"]
        log = server_dir / "console.log"
        with Process("console", command, log, environment, ready=answers(ops, "/readyz")) as process:
            yield Served(f"{url}/console", database, clean)
            assert process.alive, process.log_tail()


@pytest.fixture
def database(_served: Served) -> str:
    """The database of the console. It is emptied before a test: the pages of the last one are closed by then."""
    _served.clean()
    return _served.database


@pytest.fixture
def console_url(_served: Served, database: str, agent: AgentServer, provider: ServedProvider) -> str:
    """The address of a console with an admin, a manager and an attendant."""
    with psycopg.connect(database, autocommit=True) as conn:
        for login, name, role in (
            ("rosa", "Rosa Fonseca", "admin"), ("bia", "Beatriz Nogueira", "manager"), ("ana", "Ana Lima", "attendant")
        ):  # fmt: skip
            conn.execute(
                "INSERT INTO person (login, name, role, password_hash) VALUES (%s, %s, %s, %s)",
                (login, name, role, HASH),
            )
    return _served.url


@pytest.fixture
def enter(console_url: str) -> Callable[[Page, str], Page]:
    """`enter(page, "ana")`: sign in by password."""

    def entered(page: Page, login: str) -> Page:
        page.goto(f"{console_url}/")
        page.get_by_role("textbox", name="Usuário").fill(login)
        page.get_by_label("Senha").fill(PASSWORD)
        page.get_by_role("button", name="Entrar", exact=True).click()
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state()  # its scripts answer to keys from then on
        return page

    return entered
