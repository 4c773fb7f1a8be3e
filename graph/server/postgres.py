"""Pools of Postgres connections that outlive a restart of Postgres."""

from __future__ import annotations

import asyncio
import logging
import re
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, LiteralString

import psycopg
import stamina
from psycopg import AsyncConnection, AsyncCursor, AsyncRawCursor
from psycopg.abc import Params, Query
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

import graph.retries  # noqa: F401 - says how a retry is logged

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
Configure = Callable[[AsyncConnection[DictRow]], Awaitable[None]]

CONNECT_SECONDS = 5
# Bound of a caller's wait for a connection, and of the pool's own attempts: a later caller starts them again, so that
# nobody waits for the long pauses of an old backoff when Postgres is available again.
WAIT_SECONDS = 10

# A host that vanished without a word is found within some 20 s, by a request that waits and by one that is sent.
_CONNECTION: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip
# On Postgres's side: a process that is suspended in a transaction, or whose host vanished, loses its locks.
_LIMITS: LiteralString = """
    SELECT set_config(name, value, false) FROM (VALUES
        ('idle_in_transaction_session_timeout', '60s'), ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '3'),
        ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '20s')) AS wanted(name, value)
"""

# For calls that may be repeated: a restart of Postgres takes some seconds.
persistent = stamina.retry(on=psycopg.OperationalError, attempts=None, timeout=20, wait_initial=0.2, wait_max=2)

# The values of an INSERT of one row.
_VALUES = re.compile(r"\bVALUES\s*(\((?:%s, )*%s\))")

# SQLSTATEs of what passes by itself: no connection, no room, a server that starts or stops or only reads, a transaction
# that lasted too long, a lost race.
_PASSING = ("08", "40", "53", "57P", "25006", "25P03", "25P04", "55P03")


class StateAwayError(psycopg.OperationalError):
    """Checkpoints or store cannot be reached: nothing is wrong with the turn, and the run may be resumed later.

    The name is part of the run contract: the gateway counts a run that ended with it as no attempt.
    """


@asynccontextmanager
async def telling_away() -> AsyncIterator[None]:
    """Raise StateAwayError where Postgres is away, or other transactions were in the way, while the block runs."""
    try:
        yield
    except psycopg.Error as error:
        lost = error.sqlstate is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        if lost or (error.sqlstate or "").startswith(_PASSING):
            raise StateAwayError(type(error).__name__) from error
        raise


# The pool logs every connection that it lends; only its warnings (Postgres does not answer) are of interest.
logging.getLogger("psycopg.pool").setLevel(logging.WARNING)


def connection_settings(**more: object) -> dict[str, Any]:
    """Return the arguments of a connection that checkpointer and store need: autocommit, rows as dicts."""
    return {"autocommit": True, "row_factory": dict_row, **_CONNECTION, **more}


async def check(connection: AsyncConnection[DictRow]) -> None:
    """Check that a connection still works. Raises psycopg.OperationalError.

    The round trip of the pool's own check is made only if there are bytes to read: on an idle connection they nearly
    always announce its end. A turn borrows nine connections, and half of its time with Postgres went into these checks.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        await AsyncConnectionPool.check_connection(connection)


def new_pool(address: str, size: int, name: str, configure: Configure | None = None, **settings: object) -> Pool:
    """Return a pool that is not open yet. It connects once it is open, and checks each connection before it lends it.

    `configure` receives each new connection first; while it raises, the pool behaves as if it could not connect.
    """

    async def limited(connection: AsyncConnection[DictRow]) -> None:
        if configure is not None:
            await configure(connection)
        await connection.execute(_LIMITS)

    return AsyncConnectionPool(
        address,
        kwargs=connection_settings(**settings),
        min_size=1,
        max_size=size,
        timeout=WAIT_SECONDS,
        reconnect_timeout=WAIT_SECONDS,
        check=check,
        configure=limited,
        open=False,
        name=name,
    )


class ManyRowsCursor(AsyncCursor[DictRow]):
    """A cursor whose `executemany` inserts all rows by one statement where it can: each statement has its price.

    It cannot where rows of one call may replace each other (`DO UPDATE`), and where their ids are asked for.
    """

    async def executemany(self, query: Query, params_seq: Iterable[Params], *, returning: bool = False) -> None:
        """Execute a query for each of many rows; see the base class. Raises psycopg.Error."""
        rows = [*params_seq]
        many = _of_many_rows(query, len(rows)) if isinstance(query, str) and not returning else None
        if many is None:
            await super().executemany(query, rows, returning=returning)
            return
        async with AsyncRawCursor(self.connection) as cursor:
            await cursor.execute(many, [*chain.from_iterable(rows)])


@lru_cache
def _of_many_rows(query: str, rows: int) -> bytes | None:
    """Return the INSERT of so many rows, its parameters numbered as Postgres has them; None where there is none."""
    values = _VALUES.search(query)
    if values is None or not rows or "DO UPDATE" in query:
        return None
    width = values[1].count("%s")
    numbered = [", ".join(f"${row * width + n + 1}" for n in range(width)) for row in range(rows)]
    return f"{query[: values.start(1)]}({'), ('.join(numbered)}){query[values.end(1) :]}".encode()


class LoopPool:
    """One pool for each event loop, opened at its first request: runs may be spread over several loops."""

    def __init__(self, address: str, size: int, name: str) -> None:
        self._settings = (address, size, name)
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    async def get(self) -> Pool:
        """Return the open pool of the running loop."""
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
