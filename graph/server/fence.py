"""The fence of a thread: of two runs of one conversation, only the one that was requested later may still write.

A server that was suspended in the middle of a run goes on with it when it wakes up, long after another server has
answered this turn and the next one. Its late checkpoint would be the thread's newest. So each run brings a number, its
fence (`metadata.fence`), that is higher than those of all earlier runs of its thread. The highest that has read the
thread is kept; a run with a lower one fails at its next write, within the write's transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import LiteralString

import psycopg
from langchain_core.runnables import RunnableConfig
from psycopg import AsyncConnection
from psycopg.rows import DictRow

_REFUSED = "WA001"  # raised by pass_fence
_TABLE: LiteralString = """
    CREATE TABLE IF NOT EXISTS thread_fence (
        thread_id text PRIMARY KEY, fence bigint NOT NULL, raised_at timestamptz NOT NULL DEFAULT now())
"""
# A run that writes holds the row until its transaction ends: a later run's `_RAISE` waits for it, and reads its write.
# A row that was deleted for its age meanwhile is made again.
_FUNCTION: LiteralString = """
    CREATE OR REPLACE FUNCTION pass_fence(thread text, given bigint) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        known bigint;
    BEGIN
        SELECT fence INTO known FROM thread_fence WHERE thread_id = thread FOR SHARE;
        IF known IS NULL AND given IS NOT NULL THEN
            INSERT INTO thread_fence (thread_id, fence) VALUES (thread, given) ON CONFLICT DO NOTHING;
            SELECT fence INTO known FROM thread_fence WHERE thread_id = thread FOR SHARE;
        END IF;
        IF known > given OR (known IS NOT NULL AND given IS NULL) THEN
            RAISE EXCEPTION 'a later run has the thread' USING ERRCODE = 'WA001';
        END IF;
    END $$
"""
_CHECK: LiteralString = "SELECT pass_fence(%s, %s::bigint)"
_RAISE: LiteralString = """
    INSERT INTO thread_fence (thread_id, fence) VALUES (%s, %s) ON CONFLICT (thread_id)
    DO UPDATE SET fence = excluded.fence, raised_at = now() WHERE thread_fence.fence <= excluded.fence
"""
_FORGET: LiteralString = """
    DELETE FROM thread_fence WHERE thread_id IN (SELECT thread_id FROM thread_fence WHERE raised_at < %s LIMIT %s)
      AND raised_at < %s
"""
_MOST_FORGOTTEN = 10_000  # by one statement
_CLOSE: LiteralString = "UPDATE thread_fence SET fence = fence + 1, raised_at = now() WHERE thread_id = %s"

Connection = AsyncConnection[DictRow]


class FencedError(Exception):
    """A later run has this thread (or any run with a fence, where this one has none): this run must end."""


def fence_of(config: RunnableConfig) -> int | None:
    """Return the fence of a run; None where it has none, as in Studio."""
    fence = (config.get("metadata") or {}).get("fence")
    return fence if isinstance(fence, int) else None


async def set_up(connection: Connection) -> None:
    """Make the table of fences and its function."""
    await connection.execute(_TABLE)
    await connection.execute(_FUNCTION)


async def raise_fence(connection: Connection, config: RunnableConfig) -> None:
    """Raise the fence of the run's thread to that of the run; a configuration without one only reads.

    Raises FencedError where a later run has raised it further.
    """
    if (fence := fence_of(config)) is None:
        return
    raised = await connection.execute(_RAISE, (_thread(config), fence))
    if not raised.rowcount:
        raise FencedError("a later run has the thread")


@asynccontextmanager
async def writing(connection: Connection, config: RunnableConfig) -> AsyncIterator[None]:
    """Make all that the block writes through the connection one transaction, which only a run with the fence commits.

    Raises FencedError where the run is not the latest. The connection has to be in autocommit mode: all that a pipeline
    sends until it is synchronised is then one transaction. The block must not open a pipeline of its own: psycopg
    would synchronise, and so commit, before it begins ("Pipeline mode support"). Where the block is cancelled, what it
    has sent is committed all the same: its statements go in an order in which that does no harm.
    """
    try:
        async with connection.pipeline():
            await connection.execute(_CHECK, (_thread(config), fence_of(config)))
            yield
    except psycopg.DatabaseError as error:
        if error.sqlstate == _REFUSED:
            raise FencedError("a later run has the thread") from None
        raise


async def forget(connection: Connection, before: datetime) -> None:
    """Delete the fences that were raised before a moment."""
    while (await connection.execute(_FORGET, (before, _MOST_FORGOTTEN, before))).rowcount > 0:
        pass


async def close(connection: Connection, thread: str) -> None:
    """Let no run write any more that knows a thread which is about to be deleted."""
    await connection.execute(_CLOSE, (thread,))


def _thread(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])
