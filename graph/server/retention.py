"""The retention of checkpoints in Postgres: the newest of each thread, and idle threads for a limited time.

A turn leaves several checkpoints. Only the newest is read: by the next turn, by a turn that is continued or posted
again (it holds the answers of the last turns), and by a request for a run's result. LangGraph Server's own settings for
this (`checkpointer.ttl`, `POST /threads/prune`) do nothing in its in-memory runtime; the licensed edition uses them
(langgraph.licensed.json).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from graph.server.postgres import Pool

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 300
BATCH_SIZE = 1000
# Ids of checkpoints are UUIDs of version 6, whose text sorts by time (RFC 9562, 5.6), from 1582-10-15 on.
UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
THREADS_WITH_OLD_CHECKPOINTS: LiteralString = (
    "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING count(*) > 1 LIMIT %s"
)
IDLE_THREADS: LiteralString = (
    'SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING max(checkpoint_id COLLATE "C") < %s LIMIT %s'
)


class Retention:
    """Deletes old checkpoints through `pool`. `days`: how long a thread without a new turn is kept; 0: for ever."""

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
        """Delete idle threads, and all but the newest checkpoint of the others. Raises psycopg.Error.

        Turns may be running: the checkpoints that they write meanwhile stay.
        """
        if self._days:
            await self._each(IDLE_THREADS, [_id_at(now - timedelta(days=self._days))], "delete")
        await self._each(THREADS_WITH_OLD_CHECKPOINTS, [], "keep_latest")

    async def _each(self, query: LiteralString, arguments: Sequence[str], strategy: str) -> None:
        """Prune the threads that the query returns until it returns less than a batch."""
        while len(threads := await self._threads(query, arguments)) > 0:
            # Not the server's saver, which holds a lock while it uses Postgres.
            await AsyncPostgresSaver(self._pool).aprune(threads, strategy=strategy)
            if len(threads) < BATCH_SIZE:
                break

    async def _threads(self, query: LiteralString, arguments: Sequence[str]) -> list[str]:
        async with self._pool.connection() as connection:
            found = await connection.execute(query, [*arguments, BATCH_SIZE])
            return [row["thread_id"] for row in await found.fetchall()]


def _id_at(moment: datetime) -> str:
    """Return the lower bound of the ids of checkpoints that were made from that moment on."""
    ticks = (moment - UUID_EPOCH) // timedelta(microseconds=1) * 10
    return f"{ticks >> 28:08x}-{ticks >> 12 & 0xFFFF:04x}-6{ticks & 0xFFF:03x}"
