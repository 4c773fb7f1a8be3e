"""Fixtures for every package: real Postgres and Valkey, once a session, and a clean slate of them for each test."""

import asyncio
import inspect
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from simulator import ports
from simulator.postgres import Postgres
from simulator.valkey import Valkey

Prepare = Callable[[str], Awaitable[None] | None]


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
    """``make_template("gateway", migrate)``: create a database, run ``migrate(url)`` on it (plain or async), give the
    template's name. Meant for a session fixture ``database_template`` in a package's own conftest.py."""

    def make(name: str, prepare: Prepare) -> str:
        template = f"template_{name}"
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
    """The template of ``database``; override it in a package's conftest.py to get migrated databases."""
    return "template1"


@pytest.fixture(scope="session")
def _database_numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
def new_database(
    postgres: Postgres, database_template: str, _database_numbers: Iterator[int]
) -> Iterator[Callable[..., str]]:
    """``new_database(template=...)``: one more fresh database for this test; gives its URL."""
    created: list[str] = []

    def create(template: str = database_template) -> str:
        created.append(f"test_{next(_database_numbers)}")
        return postgres.create_database(created[-1], template)

    yield create
    for name in created:
        postgres.drop_database(name)


@pytest.fixture
def database(new_database: Callable[..., str]) -> str:
    """The URL of a fresh database, a copy of ``database_template``."""
    return new_database()


@pytest.fixture(scope="session")
def _valkey_server(server_dir: Path) -> Iterator[Valkey]:
    with Valkey(server_dir / "valkey") as server:
        yield server


@pytest.fixture
def valkey(_valkey_server: Valkey) -> Valkey:
    """The session's Valkey server, emptied. A test that kills or restarts it has to leave it running."""
    _valkey_server.flush()
    return _valkey_server
