"""Make items durable in batches, before their webhooks are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import structlog

from gateway.runtime.telemetry import ERRORS
from gateway.store.database import CONFLICTS, Connection, Pool, is_away
from gateway.store.inbox import events
from gateway.store.inbox.events import Row

log = structlog.get_logger(__name__)

#: Requests that may wait for the database; beyond it Meta is asked to come again.
MAX_WAITING = 5_000
#: Bytes of their rows that may wait with them.
MAX_WAITING_BYTES = 32 * 1024 * 1024


# A commit whose answer was lost may have succeeded; one more try does no harm, because keys are unique, and spares Meta
# a 5xx for what is durable already. Two processes that get the same items at once may conflict more often.
_TRIES_AWAY, _TRIES_CONFLICT = 2, 6


class NotDurableError(Exception):
    """The items could not be made durable: Meta has to deliver them again."""


#: The rows of each request, and the future that ends when they are committed.
_Batch = list[tuple[Sequence[Row], asyncio.Future[None]]]


class Inbox:
    """Makes items durable: those queued during one commit go with the next, without a timer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: _Batch = []
        self._bytes = 0  # of rows that are not committed yet
        self._wake = asyncio.Event()
        self._conn: Connection | None = None  # kept from batch to batch: no check before each commit

    async def keep(self, new: Sequence[Row]) -> None:
        """Return once these rows are committed.

        Raises:
            NotDurableError: They are not, or it is not known.
        """
        size = sum(len(row.raw) for row in new)
        if len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            raise NotDurableError("too many webhooks wait for the database")
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((new, committed))
        self._bytes += size
        self._wake.set()
        try:
            await committed
        finally:
            self._bytes -= size

    async def run(self) -> None:
        """Write batches until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                batch, self._waiting = self._waiting, []
                await self._write_batch(batch)
        finally:
            await self._put_back()

    async def _write_batch(self, batch: _Batch) -> None:
        """Write the items of several webhooks; a webhook that cannot be written fails alone."""
        try:
            await self._write([item for new, _ in batch for item in new])
        except psycopg.Error as error:
            if len(batch) > 1 and not is_away(error):
                for one in batch:
                    await self._write_batch([one])
                return
            ERRORS.labels("inbox").inc()
            log.error("inbox_write_failed", error=type(error).__name__, webhooks=len(batch))
            _settle(batch, NotDurableError(type(error).__name__))
        else:
            _settle(batch, None)

    async def _write(self, new: Sequence[Row]) -> None:
        tries = 0
        while True:
            try:
                return await self._write_once(new)
            except psycopg.Error as error:
                tries += 1
                bound = _TRIES_AWAY if is_away(error) else _TRIES_CONFLICT if isinstance(error, CONFLICTS) else 1
                if tries >= bound:
                    raise

    async def _write_once(self, new: Sequence[Row]) -> None:
        if self._conn is None:
            self._conn = await self._pool.getconn()
        try:
            await events.keep(self._conn, new)
        except psycopg.Error:
            await self._put_back()
            raise

    async def _put_back(self) -> None:
        if self._conn is not None:
            conn, self._conn = self._conn, None
            await self._pool.putconn(conn)


def _settle(batch: _Batch, error: Exception | None) -> None:
    for _, committed in batch:
        if committed.done():  # its request was cancelled
            continue
        if error:
            committed.set_exception(error)
        else:
            committed.set_result(None)
