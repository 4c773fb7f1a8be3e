"""The parts that every command needs: settings, a database connection, and one sentence about an error."""

from __future__ import annotations

import asyncio
import sys
import typing
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from pydantic import ValidationError

from gateway.runtime.settings import CommonSettings
from gateway.runtime.telemetry import configure_logging
from gateway.settings import Settings
from gateway.store.database import Connection, is_away

T = TypeVar("T")
S = TypeVar("S", bound=CommonSettings)


def read_settings() -> Settings:
    """Return the settings, after logging was configured by them."""
    return read(Settings)


def read(kind: type[S], log_level: str | None = None) -> S:
    """Return the settings of a process, after logging was configured by them. log_level: instead of theirs."""
    try:
        settings = kind()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        die(f"{name}: {first['msg'].removeprefix('Value error, ')} (see .env.example)")
    configure_logging(log_level or settings.log_level, settings.log_format)
    return settings


def with_database(settings: CommonSettings, act: Callable[[Connection], Awaitable[T]]) -> T:
    """Return the result of an action over one connection; end with one sentence if the database is away."""
    url = settings.database_url.get_secret_value()

    async def connected() -> T:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as conn:
            return await act(conn)

    try:
        return asyncio.run(connected())
    except psycopg.Error as error:
        if not is_away(error):
            raise
        die(f"Postgres at DATABASE_URL does not answer: {str(error).splitlines()[0]}")


def given(argument: str) -> str:
    """Return an argument; of `-` a line of standard input, which lists of processes and audits do not show."""
    return sys.stdin.readline().strip() if argument == "-" else argument


def die(sentence: str, code: int = 1) -> typing.NoReturn:
    """Print what is wrong, and end."""
    print(f"gateway: {sentence}", file=sys.stderr)
    raise SystemExit(code)
