"""Databases with the gateway's schema."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.commands import common
from gateway.store.database import Pool, make_pool
from gateway.store.migrate import migrate
from gateway.store.roles import statements
from tests.gateway.support.harness import Gateway


@pytest.fixture(scope="session")
def database_template(make_template: Callable[..., str]) -> str:
    """Return the name of the template database, which has the roles of the processes and is migrated once."""

    def prepare(url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statements().encode())
        migrate(url)

    return make_template("gateway", prepare)


@pytest.fixture
def database_role() -> str:
    """Return the role of `pool`: the superuser's own; a module may override it by that of a process."""
    return "none"


@pytest.fixture
async def pool(database: str, database_role: str) -> AsyncIterator[Pool]:
    """Return a pool over a fresh database."""
    async with make_pool(f"{database}?options=-c%20role%3D{database_role}", 8) as pool:
        yield pool


@pytest.fixture
async def gateway(pool: Pool) -> AsyncIterator[Gateway]:
    """Return the parts of one worker, called step by step; the test sets the answers of its agent server and Meta."""
    gateway = Gateway(pool)
    yield gateway
    gateway.agent.gate.set()
    await gateway.turns.drain()


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return a function that gives the lines logged since its last call, whatever a test before has configured."""

    def lines() -> str:
        text = "".join(capsys.readouterr()) + caplog.text
        caplog.clear()
        return text

    return lines


Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Return `command`: `await command("replay", "--state", "failed", DATABASE_URL=...)` runs it in this process."""
    monkeypatch.chdir(tmp_path)  # no .env of a developer
    monkeypatch.setattr(common, "configure_logging", lambda *_: None)  # the tests' own logging stays

    async def run(*arguments: str, stdin: str = "", **environment: str) -> tuple[int, str]:
        program = cli.program(arguments[0])
        result = await asyncio.to_thread(CliRunner().invoke, program, arguments, input=stdin, env=environment)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run
