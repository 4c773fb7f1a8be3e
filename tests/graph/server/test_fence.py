"""Only the latest run of a thread writes, also where an older one wakes up on a server that was suspended."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import stamina
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from graph.server import fence, persistence
from graph.server.fence import FencedError
from graph.server.postgres import StateAwayError, telling_away
from graph.server.retention import Retention

pytestmark = pytest.mark.usefixtures("no_retention")


@pytest.fixture
def short_waits(environment: pytest.MonkeyPatch) -> None:
    """Shorten the waits for a fence."""
    environment.setattr(persistence, "_RUN_LIMITS", persistence._RUN_LIMITS.replace("'5s'", "'50ms'"))


@pytest.fixture
def short_writes(environment: pytest.MonkeyPatch, short_waits: None) -> None:
    """Shorten the transactions that hold a fence, too."""
    environment.setattr(persistence, "_RUN_LIMITS", persistence._RUN_LIMITS.replace("'60s'", "'1s'"))


@pytest.fixture
async def saver(environment: pytest.MonkeyPatch, database: str) -> AsyncIterator[persistence.Checkpointer]:
    """The checkpointer of a server."""
    environment.setenv("AGENT_DATABASE_URL", database)
    async with persistence.checkpointer() as one:
        yield one


class Run:
    """A run of a thread, as the server's loop uses the checkpointer."""

    def __init__(self, saver: persistence.Checkpointer, thread: str, fence: int | None) -> None:
        self.saver = saver
        metadata = {"turn_id": "t"} | ({} if fence is None else {"fence": fence})
        self.config: RunnableConfig = {
            "configurable": {"thread_id": thread, "checkpoint_ns": ""}, "metadata": metadata,
        }  # fmt: skip

    async def read(self) -> str | None:
        """Return the id of the newest checkpoint."""
        found = await self.saver.aget_tuple(self.config)
        return found and found.checkpoint["id"]

    async def write(self) -> str:
        """Write a checkpoint and return its id."""
        checkpoint = empty_checkpoint()
        values: dict[str, Any] = {"messages": ["oi"], "turn_id": "t"}
        checkpoint["channel_values"] = values
        stored = await self.saver.aput(self.config, checkpoint, {}, {"messages": "1", "turn_id": "1"})
        return str(stored["configurable"]["checkpoint_id"])

    async def write_task(self, checkpoint: str) -> None:
        """Write what a task answered."""
        config = {**self.config, "configurable": {**self.config["configurable"], "checkpoint_id": checkpoint}}
        await self.saver.aput_writes(config, [("messages", ["olá"])], "task")  # type: ignore[arg-type]


async def executed(connection: psycopg.AsyncConnection[Any]) -> None:
    """Wait until Postgres has executed what a pipeline was given so far."""
    await (await connection.execute("SELECT 1")).fetchone()


@pytest.fixture
def thread() -> str:
    """A new thread."""
    return str(uuid.uuid4())


async def test_an_older_run_writes_nothing_once_a_later_one_has_read(
    saver: persistence.Checkpointer, thread: str, database: str
) -> None:
    older, later = Run(saver, thread, 1), Run(saver, thread, 2)
    assert await older.read() is None
    first = await older.write()
    assert await later.read() == first
    for refused in (older.write(), older.write_task(first), older.read()):
        with pytest.raises(FencedError):
            await refused
    newest = await later.write()
    await later.write_task(newest)
    assert await later.read() == newest
    with psycopg.connect(database) as connection:
        for table, count in (("checkpoints", 2), ("checkpoint_writes", 1), ("checkpoint_blobs", 1)):
            rows = connection.execute(f"SELECT count(*) FROM agent.{table} WHERE thread_id = %s", [thread])  # type: ignore[arg-type]
            assert rows.fetchone() == (count,), table


async def test_the_same_run_reads_and_writes_again(saver: persistence.Checkpointer, thread: str) -> None:
    for _ in range(2):
        run = Run(saver, thread, 7)
        before = await run.read()
        assert await run.write() != before


async def test_without_a_fence_only_threads_of_runs_without_one_are_written(
    saver: persistence.Checkpointer, thread: str
) -> None:
    studio = Run(saver, thread, None)
    mine = await studio.write()
    assert await studio.read() == mine
    assert await Run(saver, thread, 3).read() == mine
    assert await studio.read() == mine  # to look at a conversation changes nothing
    with pytest.raises(FencedError):
        await studio.write()


async def test_a_later_run_waits_for_a_write_that_has_begun(
    short_waits: None, saver: persistence.Checkpointer, thread: str
) -> None:
    older, later = Run(saver, thread, 1), Run(saver, thread, 2)
    await older.read()
    async with saver.conn.connection() as connection, fence.writing(connection, older.config):  # type: ignore[union-attr]
        await executed(connection)
        with pytest.raises(StateAwayError):
            await later.read()
    assert await later.read() is None


async def test_a_run_that_is_suspended_in_the_middle_of_a_write_keeps_no_later_one_for_long(
    short_writes: None, saver: persistence.Checkpointer, thread: str
) -> None:
    older, later, read = Run(saver, thread, 1), Run(saver, thread, 2), asyncio.Event()
    await older.read()

    async def suspended() -> None:
        async with telling_away(), saver.conn.connection() as connection, fence.writing(connection, older.config):  # type: ignore[union-attr]
            await executed(connection)
            async for attempt in stamina.retry_context(on=StateAwayError, timeout=30, attempts=None, wait_max=0.1):
                with attempt:
                    assert await later.read() is None
            read.set()

    with pytest.raises(StateAwayError):
        await suspended()
    assert read.is_set()
    await later.write()


@pytest.mark.parametrize("known", [False, True], ids=["new fence", "known fence"])
@pytest.mark.parametrize("table", ["checkpoints", "checkpoint_blobs", "checkpoint_writes"])
async def test_the_fence_is_compared_in_the_transaction_of_the_write(
    saver: persistence.Checkpointer, thread: str, database: str, table: str, known: bool
) -> None:
    run = Run(saver, thread, 1)
    if known:
        await run.read()
    await (run.write_task("of no one") if table == "checkpoint_writes" else run.write())
    with psycopg.connect(database) as connection:
        # A transaction that makes a row is its xmin; one that locks it is its xmax.
        rows = connection.execute(
            f"""SELECT count(*) FROM agent.{table} one JOIN agent.thread_fence f USING (thread_id)
                WHERE thread_id = %s AND one.xmin::text = CASE WHEN %s THEN f.xmax ELSE f.xmin END::text""",  # type: ignore[arg-type]
            [thread, known],
        )
        assert rows.fetchone() == (1,)


async def test_a_write_makes_a_fence_that_was_deleted_for_its_age_again(
    saver: persistence.Checkpointer, thread: str
) -> None:
    run = Run(saver, thread, 5)
    await run.read()
    await Retention(saver.conn, days=30).tidy(datetime.now(UTC) + timedelta(days=31))
    await run.write()
    with pytest.raises(FencedError):
        await Run(saver, thread, 4).read()


async def test_a_run_under_way_writes_nothing_to_a_deleted_thread(saver: persistence.Checkpointer, thread: str) -> None:
    run = Run(saver, thread, 5)
    first = await run.write()
    await saver.adelete_thread(thread)
    for refused in (run.write(), run.write_task(first)):
        with pytest.raises(FencedError):
            await refused
    later = Run(saver, thread, 6)
    assert await later.read() is None
    await later.write()
