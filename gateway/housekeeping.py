"""What has to be done from time to time: decide about stuck sends, let held conversations go, delete old events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from gateway.intake import NOT_ITS_APP, NOT_KNOWN
from gateway.sender import Sender
from gateway.store import events, media, outbox, ownership, rates
from gateway.store.conversations import Quiet
from gateway.store.database import Connection, Pool, is_away
from gateway.telemetry import ERRORS, QUEUE, QUEUE_AGE, UNCERTAIN

log = structlog.get_logger(__name__)

T = TypeVar("T")

_EVERY = 5.0
_BATCH = 1000  # events deleted at once: a short transaction
_BATCHES = 5  # and so many of them before the rest of the house is looked at again


class Housekeeping:
    """``step`` is called in a loop. retention_days: how long processed events are kept; 0: for ever."""

    def __init__(self, pool: Pool, sender: Sender, quiet: Quiet, retention_days: float) -> None:
        self._pool = pool
        self._sender = sender
        self._quiet = quiet
        self._retention_days = retention_days

    async def step(self) -> float:
        """Do what there is to do; seconds until the next time. A duty that fails keeps no other from being done."""
        await self._do(self._sender.expire)
        await self._do(self._with_database(self._hand_back))
        await self._do(self._with_database(_measure))
        await self._do(self._with_database(_forget_rates))
        more = await self._do(self._with_database(self._purge))
        return 0.5 if more else _EVERY

    async def _do(self, duty: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await duty()
        except Exception as error:
            if is_away(error):
                raise
            ERRORS.labels("housekeeping").inc()
            log.exception("duty_failed")
            return None

    def _with_database(self, duty: Callable[[Connection], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        async def done() -> T:
            async with self._pool.connection() as conn:
                return await duty(conn)

        return done

    async def _hand_back(self, conn: Connection) -> None:
        await ownership.expire(conn, self._quiet)

    async def _purge(self, conn: Connection) -> bool:
        """Delete old events; whether there may be more."""
        for _ in range(_BATCHES if self._retention_days else 0):
            if await events.purge(conn, self._retention_days, _BATCH) < _BATCH:
                return False
        return bool(self._retention_days)


async def _forget_rates(conn: Connection) -> None:
    await rates.purge(conn, _BATCH)


async def _measure(conn: Connection) -> None:
    now = await outbox.backlog(conn)
    strangers, strangers_age = await events.waiting(conn, (NOT_KNOWN, NOT_ITS_APP))
    files, files_age = await media.backlog(conn)
    for queue, depth, age in (
        ("events", now.events, now.events_age),
        ("turns", now.due, now.due_age),
        ("outbox", now.queued, now.queued_age),
        ("media", files, files_age),
        ("unknown_numbers", strangers, strangers_age),
    ):
        QUEUE.labels(queue).set(depth)
        QUEUE_AGE.labels(queue).set(age)
    UNCERTAIN.set(now.uncertain)
