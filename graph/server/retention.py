"""The retention in Postgres: of checkpoints the newest of each thread; idle threads and profiles for a limited time.

A turn leaves several checkpoints. Only the newest is read: by the next turn, by a turn that is continued or posted
again (it holds the answers of the last turns), and by a request for a run's result. LangGraph Server's own settings for
this (`checkpointer.ttl`, `POST /threads/prune`) do nothing in its in-memory runtime; the licensed edition uses them
(langgraph.licensed.json).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.policy.memory import NAMESPACE
from graph.server.fence import forget
from graph.server.postgres import Pool

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 300
BATCH_SIZE = 200  # a transaction, which has a minute
# Ids of checkpoints are UUIDs of version 6, whose text sorts by time (RFC 9562, 5.6), from 1582-10-15 on.
UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
# One step along the table's primary key, which holds all that it needs: no step reads more than its own threads.
NEXT_THREADS: LiteralString = """
    SELECT thread_id, count(*) AS checkpoints, max(checkpoint_id COLLATE "C") AS newest
    FROM checkpoints WHERE thread_id > %s GROUP BY thread_id ORDER BY thread_id LIMIT %s
"""
IDLE_PROFILES: LiteralString = """
    WITH idle AS MATERIALIZED (SELECT prefix, key FROM store WHERE prefix = %s AND updated_at < %s LIMIT %s)
    DELETE FROM store USING idle WHERE store.prefix = idle.prefix AND store.key = idle.key
"""
LOCK: LiteralString = "SELECT pg_try_advisory_lock(hashtextextended('graph.retention', 0)) AS got"
UNLOCK: LiteralString = "SELECT pg_advisory_unlock(hashtextextended('graph.retention', 0))"

Connection = AsyncConnection[DictRow]


class Retention:
    """Deletes old checkpoints through `pool`.

    `days`: how long a thread is kept without a new turn, and a profile without a new fact; 0: for ever.
    """

    def __init__(self, pool: Pool, days: float) -> None:
        self._pool = pool
        self._days = days

    async def run(self) -> None:
        """Tidy up at intervals, for ever."""
        while True:
            try:
                await self.tidy(datetime.now(UTC))
            except psycopg.Error as error:  # Postgres is unavailable, or another process tidies up the same thread
                log.warning("old checkpoints were not deleted: %s", type(error).__name__)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def tidy(self, now: datetime) -> None:
        """Delete idle threads and profiles, and all but the newest checkpoint of the others. Raises psycopg.Error.

        Turns may be running: the checkpoints that they write meanwhile stay. Do nothing while another process tidies.
        """
        oldest = now - timedelta(days=self._days) if self._days else None
        async with self._pool.connection() as connection, _alone(connection) as alone:
            if alone:
                await _prune_all(connection, _id_at(oldest) if oldest else "")
            if alone and oldest:
                await forget(connection, oldest)
                await _forget_profiles(connection, oldest)


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[bool]:
    """Provide whether no other process holds the lock, and hold it while the block runs."""
    row = await (await connection.execute(LOCK)).fetchone()
    got = row is not None and bool(row["got"])
    try:
        yield got
    finally:
        if got and not connection.closed:
            await connection.execute(UNLOCK)


async def _prune_all(connection: Connection, idle: str) -> None:
    """Prune every thread, a batch at a time. `idle`: a thread whose newest checkpoint has a lower id is deleted."""
    # Not the server's saver, which holds a lock while it uses Postgres.
    saver, last = AsyncPostgresSaver(connection), ""
    while threads := await (await connection.execute(NEXT_THREADS, [last, BATCH_SIZE])).fetchall():
        last = threads[-1]["thread_id"]
        await saver.aprune([one["thread_id"] for one in threads if one["newest"] < idle], strategy="delete")
        kept = [one["thread_id"] for one in threads if one["newest"] >= idle and one["checkpoints"] > 1]
        await saver.aprune(kept, strategy="keep_latest")


async def _forget_profiles(connection: Connection, before: datetime) -> None:
    """Delete, in batches, the profiles to which nothing was added since a moment, if there ever were any."""
    there = await (await connection.execute("SELECT to_regclass('store') IS NOT NULL AS there")).fetchone()
    more = bool(there and there["there"])
    while more:
        deleted = await connection.execute(IDLE_PROFILES, [".".join(NAMESPACE), before, BATCH_SIZE])
        more = deleted.rowcount > 0


def _id_at(moment: datetime) -> str:
    """Return the lower bound of the ids of checkpoints that were made from that moment on."""
    ticks = (moment - UUID_EPOCH) // timedelta(microseconds=1) * 10
    return f"{ticks >> 28:08x}-{ticks >> 12 & 0xFFFF:04x}-6{ticks & 0xFFF:03x}"
