"""What every command needs: settings, one database connection, one sentence where something is wrong."""

from __future__ import annotations

import asyncio
import sys
import typing
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from pydantic import ValidationError

from gateway.runtime.telemetry import configure_logging
from gateway.settings import Settings
from gateway.store.database import Connection, is_away

T = TypeVar("T")


def read_settings() -> Settings:
    """The settings, and logging as they say."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        die(f"{str(first['loc'][0]).upper() if first['loc'] else 'settings'}: {first['msg']} (see .env.example)")
    configure_logging(settings.log_level, settings.log_format)
    return settings


def with_database(settings: Settings, act: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something over one connection; a database that is away is one sentence."""
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


def die(sentence: str, code: int = 1) -> typing.NoReturn:
    """Say what is wrong, and end."""
    print(f"gateway: {sentence}", file=sys.stderr)
    raise SystemExit(code)
