"""Checkpoints and store in Postgres, for the server's in-memory runtime (`checkpointer.path`, `store.path`).

The server starts and answers while Postgres is unavailable. The first connection creates the tables; until then runs
fail, and the gateway tries them again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.store.postgres.aio import AsyncPostgresStore
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from graph.server.memory_cleanup import clean_up_forever
from graph.server.postgres import Pool, new_pool
from graph.server.retention import Retention
from graph.settings import settings

log = logging.getLogger(__name__)

SCHEMA = "agent"
# Checkpointer and retention use one connection each at a time (a lock); the third replaces a broken one.
CHECKPOINT_POOL_SIZE = 3
STORE_POOL_SIZE = 4


@asynccontextmanager
async def checkpointer() -> AsyncIterator[AsyncPostgresSaver]:
    """Provide the checkpointer of the server for its lifetime."""
    async with (
        _pool(AsyncPostgresSaver, CHECKPOINT_POOL_SIZE, "checkpoints") as pool,
        _meanwhile(Retention(pool, settings().agent_retention_days).run()),
        _meanwhile(clean_up_forever()),
    ):
        yield AsyncPostgresSaver(pool)


@asynccontextmanager
async def store() -> AsyncIterator[AsyncPostgresStore]:
    """Provide the store of the server for its lifetime."""
    async with _pool(AsyncPostgresStore, STORE_POOL_SIZE, "store") as pool:
        yield AsyncPostgresStore(pool)


@asynccontextmanager
async def _meanwhile(job: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a job in the background while the block runs."""
    task = asyncio.create_task(job)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def address() -> str:
    """Return AGENT_DATABASE_URL, in the schema `agent` unless it names a search_path."""
    url = settings().agent_database
    options = str(conninfo_to_dict(url).get("options") or "")
    if "search_path" in options:
        return url
    return make_conninfo(url, options=f"{options} -c search_path={SCHEMA}".strip())


def _pool(tables: type[AsyncPostgresSaver | AsyncPostgresStore], size: int, name: str) -> Pool:
    """Return a pool whose first connection creates the tables; while that fails, the pool lends no connection."""
    lock = asyncio.Lock()
    made = False

    async def configure(connection: AsyncConnection[DictRow]) -> None:
        nonlocal made
        async with lock:
            if not made:
                await _make(tables, connection)
                log.info("Postgres is available: the tables of the %s are in place.", name)
            made = True

    return new_pool(address(), size, name, configure, prepare_threshold=0)


async def _make(tables: type[AsyncPostgresSaver | AsyncPostgresStore], connection: AsyncConnection[DictRow]) -> None:
    # A lock, because IF NOT EXISTS fails when two processes do it at once. It is polled, because the set-up creates
    # indexes CONCURRENTLY, which waits for every earlier statement, and so for one that waits for the lock.
    while not await _try_lock(connection):  # noqa: ASYNC110 - another process holds it, without an event
        await asyncio.sleep(0.1)
    try:
        await _make_schema(connection)
        await tables(connection).setup()
    finally:
        await connection.execute("SELECT pg_advisory_unlock(hashtextextended('graph.persistence', 0))")


async def _make_schema(connection: AsyncConnection[DictRow]) -> None:
    """Create the schema where it is absent: IF NOT EXISTS needs the right to create schemas even where it exists."""
    asked = await connection.execute("SELECT current_schema() IS NULL AS absent")
    row = await asked.fetchone()
    if row is not None and row["absent"]:
        await connection.execute(f"CREATE SCHEMA {SCHEMA}")


async def _try_lock(connection: AsyncConnection[DictRow]) -> bool:
    asked = await connection.execute("SELECT pg_try_advisory_lock(hashtextextended('graph.persistence', 0)) AS got")
    row = await asked.fetchone()
    return row is not None and row["got"]
