"""Reads of changes, shared by the streams that are at the same place: fifty open pages cost one read a change."""

from __future__ import annotations

import asyncio

from gateway.store.database import Pool
from gateway.store.desk import changes
from gateway.store.desk.changes import Read

_SHARED_SECONDS = 0.05  # how long a read that has ended answers others; less than a stream waits before it asks again
_MOST = 500  # changes in one read


class SharedReads:
    """Reads what changed, once for all that ask after the same cursor since the same notification."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reads: dict[tuple[str, int], asyncio.Task[Read]] = {}

    async def after(self, cursor: str, mark: int) -> Read:
        """Return the changes after a cursor. mark: the listener's, from before this call.

        A stream that ends while others wait does not end their read. Raises as `changes.after`.
        """
        key = (cursor, mark)
        if key not in self._reads:
            self._reads[key] = asyncio.create_task(self._read(cursor))
            self._reads[key].add_done_callback(lambda task: self._ended(key, task))
        return await asyncio.shield(self._reads[key])

    async def _read(self, cursor: str) -> Read:
        async with self._pool.connection() as conn:
            return await changes.after(conn, cursor, _MOST)

    def _ended(self, key: tuple[str, int], task: asyncio.Task[Read]) -> None:
        if not task.cancelled():
            task.exception()  # all who asked may have left
        asyncio.get_running_loop().call_later(_SHARED_SECONDS, self._reads.pop, key, None)
