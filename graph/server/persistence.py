"""Checkpoints and store in Postgres, for the server's in-memory runtime (`checkpointer.path`, `store.path`).

The server starts and answers while Postgres is unavailable. The first connection creates the tables; until then runs
fail, and the gateway tries them again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, LiteralString, cast
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.store.base import Op, Result
from langgraph.store.postgres.aio import AsyncPostgresStore
from psycopg import AsyncConnection
from psycopg.abc import Params
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from graph.contract.context import Context
from graph.server import fence
from graph.server.memory_cleanup import clean_up_forever
from graph.server.postgres import ManyRowsCursor, Pool, connection_settings, new_pool, telling_away
from graph.server.retention import Retention
from graph.settings import settings
from graph.tasks import ended

log = logging.getLogger(__name__)

SCHEMA = "agent"
# Runs share these, and retention uses one of them while it deletes.
CHECKPOINT_POOL_SIZE = 4
STORE_POOL_SIZE = 4
# A run whose server was suspended between two statements of a write holds its thread's fence. Another run waits for a
# moment, and is resumed later; the transaction ends after a minute. Postgres before 17 has no such limit.
_RUN_LIMITS: LiteralString = """
    SELECT set_config(name, value, false)
    FROM (VALUES ('lock_timeout', '5s'), ('transaction_timeout', '60s')) AS wanted(name, value)
    JOIN pg_settings USING (name)
"""
Write = Callable[[ManyRowsCursor], Awaitable[object]]
# The parts of a configuration that the checkpointer copies into a checkpoint's metadata.
_COPIED = ("configurable", "metadata")


class Checkpointer(AsyncPostgresSaver):
    """A checkpointer that stores nothing of the run's context with a checkpoint.

    The server copies a run's context into the metadata of each checkpoint: numbers, the name, the persona. Nothing
    reads them there, because every run brings its own context.

    Only the latest run of a thread writes (`graph.server.fence`). While Postgres is away, its methods raise
    StateAwayError.

    Several calls use the pool at a time. The lock of the base class is meant for a single connection, and would let one
    run at a time use Postgres (langgraph-checkpoint-postgres 3.2.0, which is the newest).
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._pool = pool
        self.lock = nullcontext()  # type: ignore[assignment]

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; see the base class. Raises FencedError."""
        bare = cast("RunnableConfig", {**config, **{part: _without_context(config.get(part)) for part in _COPIED}})
        kept = cast("CheckpointMetadata", _without_context(metadata))
        collecting = _Collecting(self._pool, serde=self.serde)
        stored = await collecting.aput(bare, checkpoint, kept, new_versions)
        await self._write(config, collecting.writes)
        return stored

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote; see the base class. Raises FencedError."""
        collecting = _Collecting(self._pool, serde=self.serde)
        await collecting.aput_writes(config, writes, task_id, task_path)
        await self._write(config, collecting.writes)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, and raise the fence of its thread; see the base class. Raises FencedError."""
        async with telling_away(), self._pool.connection() as connection:
            await fence.raise_fence(connection, config)
            return await AsyncPostgresSaver(connection, serde=self.serde).aget_tuple(config)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread, so that no run under way writes to it afterwards; see the base class."""
        async with self._pool.connection() as connection:
            await fence.close(connection, str(thread_id))
        await super().adelete_thread(thread_id)

    async def _write(self, config: RunnableConfig, writes: Sequence[Write]) -> None:
        """Carry writes out as one transaction of a run."""
        async with (
            telling_away(),
            self._pool.connection() as connection,
            ManyRowsCursor(connection) as cursor,
            fence.writing(connection, config),
        ):
            for write in writes:
                await write(cursor)


class _Collecting(AsyncPostgresSaver):
    """A checkpointer that keeps what it would write in `writes`, and uses no connection.

    The base class would serialise in the middle of the transaction, and open a pipeline inside the one of the fence,
    which commits what that one has sent (langgraph-checkpoint-postgres 3.2.0).
    """

    def __init__(self, pool: Pool, serde: SerializerProtocol) -> None:
        super().__init__(pool, serde=serde)
        self.writes: list[Write] = []

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[Any]:
        yield self

    async def execute(self, query: LiteralString, params: Params) -> None:
        self.writes.append(lambda cursor: cursor.execute(query, params))

    async def executemany(self, query: LiteralString, rows: Iterable[Params]) -> None:
        self.writes.append(lambda cursor: cursor.executemany(query, rows))


class Store(AsyncPostgresStore):
    """A store whose operations raise StateAwayError while Postgres is away."""

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry operations out; see the base class, whose other methods call it. Raises StateAwayError."""
        async with telling_away():
            return await super().abatch(ops)


def _without_context(values: Any) -> dict[str, Any]:  # noqa: ANN401 - a mapping of any kind, or None
    return {name: value for name, value in (values or {}).items() if name not in Context.model_fields}


@asynccontextmanager
async def checkpointer() -> AsyncIterator[Checkpointer]:
    """Provide the checkpointer of the server for its lifetime."""
    async with (
        _pool(AsyncPostgresSaver, CHECKPOINT_POOL_SIZE, "checkpoints") as pool,
        _meanwhile(Retention(pool, settings().agent_retention_days).run()),
        _meanwhile(clean_up_forever()),
    ):
        yield Checkpointer(pool)


@asynccontextmanager
async def store() -> AsyncIterator[Store]:
    """Provide the store of the server for its lifetime."""
    async with _pool(AsyncPostgresStore, STORE_POOL_SIZE, "store") as pool:
        yield Store(pool)


async def erase_threads(threads: Sequence[UUID]) -> int:
    """Delete all checkpoints of these threads; return how many there were. 0 where the server has its own database."""
    if settings().agent_database_url is None and settings().database_url is None:
        return 0
    async with await AsyncConnection.connect(address(), **connection_settings()) as connection:
        asked = await connection.execute(
            "SELECT count(*) AS count FROM checkpoints WHERE thread_id = ANY(%s)", [[str(one) for one in threads]]
        )
        row = await asked.fetchone()
        for thread in threads:
            await fence.close(connection, str(thread))
            await AsyncPostgresSaver(connection).adelete_thread(str(thread))
    return int(row["count"]) if row else 0


@asynccontextmanager
async def _meanwhile(job: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a job in the background while the block runs."""
    task = asyncio.create_task(job)
    try:
        yield
    finally:
        await ended([task])


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
        await connection.execute(_RUN_LIMITS)

    return new_pool(address(), size, name, configure, prepare_threshold=0)


async def _make(tables: type[AsyncPostgresSaver | AsyncPostgresStore], connection: AsyncConnection[DictRow]) -> None:
    # A lock, because IF NOT EXISTS fails when two processes do it at once. It is polled, because the set-up creates
    # indexes CONCURRENTLY, which waits for every earlier statement, and so for one that waits for the lock.
    while not await _try_lock(connection):  # noqa: ASYNC110 - another process holds it, without an event
        await asyncio.sleep(0.1)
    try:
        await _make_schema(connection)
        await tables(connection).setup()
        if tables is AsyncPostgresSaver:
            await fence.set_up(connection)
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
