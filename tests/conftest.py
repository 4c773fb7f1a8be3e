"""Fixtures for every package: real Postgres and Valkey, once a session, and a clean slate of them for each test."""

import asyncio
import functools
import inspect
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from simulator import ports
from simulator.stack.postgres import Postgres
from simulator.stack.process import Process
from simulator.stack.valkey import Valkey
from tests.databases import Databases
from tests.invariants.stack import Stack, running

# A slow example shows that the machine is busy, or that hypothesis has no tables of characters for this Python yet. The
# code under test is not at fault.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# One TLS context for all clients: each would read all root certificates, which takes 40 ms of a processor.
httpx._transports.default.create_ssl_context = functools.cache(httpx.create_ssl_context)  # type: ignore[attr-defined]

Prepare = Callable[[str], Awaitable[None] | None]


# The groups of tests that take longest begin first, so that no process is left with one of them at the end.
LONG_GROUPS = (
    "whole stack",
    "tests/simulator/stack/test_up.py",
    "tests/graph/server/",
    "tests/gateway/test_processes.py",
    "tests/gateway/console/browser/",
    "tests/simulator/phone/",
    "tests/graph/files/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests side by side (pytest-xdist): those of a module together, and all that use the whole stack together."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _rank(_group(item)))


def _group(item: pytest.Item) -> str:
    shares_stack = "whole_stack" in getattr(item, "fixturenames", ())
    return "whole stack" if shares_stack else item.nodeid.split("::")[0]


def _rank(group: str) -> int:
    return next((rank for rank, prefix in enumerate(LONG_GROUPS) if group.startswith(prefix)), len(LONG_GROUPS))


@pytest.fixture(autouse=True)
def logging_stays() -> Iterator[None]:
    """Fail a test that leaves a program's logging behind: lines that later tests of this process read would be gone."""
    before = structlog.get_config()["logger_factory"]  # which `capture_logs`, unlike a program, leaves as it is
    yield
    left = structlog.get_config()["logger_factory"] is not before
    assert not left, "configure_logging ran in the tests' process: patch it, or reset structlog"


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Call it for a port on which nobody listens."""
    return ports.free_port


@pytest.fixture(scope="session")
def server_dir() -> Iterator[Path]:
    """A directory that the unprivileged user of Postgres can reach too (pytest's own are closed to others)."""
    path = Path(tempfile.mkdtemp(prefix="whatsapp-agent-tests-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(server_dir: Path) -> Iterator[Postgres]:
    """The session's Postgres server, without fsync. A test that kills or restarts it has to leave it running."""
    with Postgres(server_dir / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def make_template(postgres: Postgres) -> Callable[[str, Prepare], str]:
    """`make_template("gateway", migrate)`: create a database, run `migrate(url)` on it (plain or async), give the
    template's name. Meant for a session fixture `database_template` in a package's own conftest.py; a module elsewhere
    that imports the fixture gets the template that is there."""
    made: set[str] = set()

    def make(name: str, prepare: Prepare) -> str:
        template = f"template_{name}"
        if template in made:
            return template
        made.add(template)
        url = postgres.create_database(template)
        outcome = prepare(url)
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)
        with psycopg.connect(postgres.url, autocommit=True) as connection:  # CREATE DATABASE needs it without clients
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template])
        return template

    return make


@pytest.fixture(scope="session")
def database_template() -> str:
    """The template of `database`; override it in a package's conftest.py to get migrated databases."""
    return "template1"


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Iterator[Databases]:
    """The session's databases, which tests use one after another."""
    databases = Databases(postgres)
    yield databases
    databases.close()


@pytest.fixture
def new_database(databases: Databases, database_template: str) -> Iterator[Callable[..., str]]:
    """`new_database(template=...)`: one more fresh database for this test; gives its URL."""
    with ExitStack() as stack:
        yield lambda template=database_template: stack.enter_context(databases.new(template))


@pytest.fixture
def database(databases: Databases, database_template: str) -> Iterator[str]:
    """The URL of a database that is as `database_template` has it."""
    with databases.one(database_template) as url:
        yield url


@pytest.fixture(scope="session")
def _valkey_server(server_dir: Path) -> Iterator[Valkey]:
    with Valkey(server_dir / "valkey") as server:
        yield server


@pytest.fixture
def valkey(_valkey_server: Valkey) -> Valkey:
    """The session's Valkey server, emptied. A test that kills or restarts it has to leave it running."""
    _valkey_server.flush()
    return _valkey_server


@dataclass
class Simulator:
    """A running simulator: `url` for the programs under test, `control` for the test (docs/simulator.md)."""

    url: str
    control: httpx.Client

    phone_number_id = "100000000000001"
    access_token = "simulator-token"
    app_secret = "simulator-app-secret"
    token = "control-token-of-the-tests"

    def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        """POST to the control API; its JSON."""
        return self._json(self.control.post(f"/_sim/{path}", json=body))

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """GET from the control API; its JSON."""
        return self._json(self.control.get(f"/_sim/{path}", params=query))

    def configure(self, **settings: Any) -> None:
        """PATCH /_sim/settings."""
        self._json(self.control.patch("/_sim/settings", json=settings))

    def fault(self, on: str, kind: str, **more: Any) -> str:
        """Set a fault; its id."""
        return str(self.post("faults", on=on, kind=kind, **more)["id"])

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}


@pytest.fixture(scope="session")
def _simulator_server(server_dir: Path) -> Iterator[Simulator]:
    port = ports.free_port()
    # Nobody listens at the webhook's address until a test says where: see Simulator.configure(webhook_url=...).
    environment = {"PATH": os.environ["PATH"], "SIMULATOR_PORT": str(port), "GATEWAY_PORT": str(ports.free_port())}
    environment |= {"WHATSAPP_ACCESS_TOKEN": Simulator.access_token, "WHATSAPP_APP_SECRET": Simulator.app_secret}
    environment |= {"WHATSAPP_WEBHOOK_VERIFY_TOKEN": "simulator-verify-token", "SIMULATOR_TOKEN": Simulator.token}
    url = f"http://{ports.HOST}:{port}"
    headers = {"Authorization": f"Bearer {Simulator.token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as control:

        def ready() -> bool:
            return ports.listens(port) and control.get("/_sim/health").is_success

        command = [sys.executable, "-m", "simulator", "serve"]
        log = server_dir / "simulator.log"
        with Process("simulator", command, log, environment, ready=ready) as process:
            yield Simulator(url, control)
            assert process.alive, process.log_tail()


@pytest.fixture
def simulator(_simulator_server: Simulator) -> Simulator:
    """The session's simulator, reset: Meta's Cloud API under `url`, the model under `url/v1`."""
    _simulator_server.post("reset")
    _simulator_server.configure(webhook_url=f"http://{ports.HOST}:9/webhook/whatsapp")  # port 9: nobody
    return _simulator_server


@pytest.fixture(scope="session")
def whole_stack(server_dir: Path) -> Iterator[Stack]:
    """The whole local stack, as `python -m simulator up` starts it, with short times."""
    directory = server_dir / "stack"
    directory.mkdir()
    directory.chmod(0o755)
    with running(directory) as stack:
        yield stack


@pytest.fixture
def stack(whole_stack: Stack) -> Iterator[Stack]:
    """The whole stack, empty: no people, no messages, no faults."""
    whole_stack.clear()
    yield whole_stack
    whole_stack.http.request("DELETE", "/_sim/faults")
