"""Pools of Postgres connections that outlive a restart of Postgres."""

from __future__ import annotations

import asyncio
import logging
import select
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import stamina
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

import graph.retries  # noqa: F401 - says how a retry is logged

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
Configure = Callable[[AsyncConnection[DictRow]], Awaitable[None]]

CONNECT_SECONDS = 5
# How long a caller waits for a connection, and how long the pool goes on trying on its own: a caller who comes later
# starts it anew, so that nobody waits for the long pauses of an old backoff once Postgres is back.
WAIT_SECONDS = 10

# For what may be asked again: a restart of Postgres takes some seconds.
persistent = stamina.retry(on=psycopg.OperationalError, attempts=None, timeout=20, wait_initial=0.2, wait_max=2)

# The pool tells of every connection that it lends; only its warnings (Postgres does not answer) are of interest.
logging.getLogger("psycopg.pool").setLevel(logging.WARNING)


def connection_settings(**more: object) -> dict[str, Any]:
    """Arguments of a connection as the checkpointer and the store want them: autocommit, rows as dicts."""
    return {"autocommit": True, "row_factory": dict_row, "connect_timeout": CONNECT_SECONDS, **more}


async def check(connection: AsyncConnection[DictRow]) -> None:
    """Make sure that a connection still leads somewhere. Raises psycopg.OperationalError.

    A round trip, as the pool's own check makes it, only where there is something to read: on an idle connection that
    is nearly always Postgres's farewell. A turn borrows nine times, and half of its time with Postgres went into this.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        await AsyncConnectionPool.check_connection(connection)


def new_pool(address: str, size: int, name: str, configure: Configure | None = None, **settings: object) -> Pool:
    """A pool that is not open yet. It connects once it is open, and checks each connection before it lends it.

    ``configure`` sees each new connection first; while it raises, the pool goes on as if it could not connect.
    """
    return AsyncConnectionPool(
        address,
        kwargs=connection_settings(**settings),
        min_size=1,
        max_size=size,
        timeout=WAIT_SECONDS,
        reconnect_timeout=WAIT_SECONDS,
        check=check,
        configure=configure,
        open=False,
        name=name,
    )


class LoopPool:
    """One pool for each event loop that asks, opened at the first request: runs may be spread over several loops."""

    def __init__(self, address: str, size: int, name: str) -> None:
        self._settings = (address, size, name)
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    async def get(self) -> Pool:
        """The open pool of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = new_pool(*self._settings)
        await self._pools[loop].open()  # does nothing when it is open
        return self._pools[loop]

    async def close(self) -> None:
        """Close the pool of the running loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool:
            await pool.close()
