"""Loops that look for work: woken by a hint, kept honest by polling.

Neither a database that goes away nor a row that cannot be dealt with ends a loop, or keeps the others from their work.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

import structlog

from gateway.runtime.telemetry import ERRORS
from gateway.store.database import is_away

log = structlog.get_logger(__name__)

_CANCEL_INTERVAL_SECONDS = 2.0
_MAX_PAUSE_SECONDS = 30.0  # seconds until a loop that failed again and again looks again

#: Does the work that is due; returns the seconds after which it must be called again even if nothing wakes it.
Step = Callable[[], Awaitable[float]]


async def poll(name: str, step: Step, *, wake: asyncio.Event, stop: asyncio.Event, at_most: float) -> None:
    """Call ``step`` whenever something wakes it or its time has come, until ``stop`` is set.

    A database that is away is logged once, asked again every second, and logged once more when it is back. Any other
    failure is logged each time, and the loop pauses, longer each time, even if something wakes it.
    """
    trouble = _Trouble(name)
    while not stop.is_set():
        wake.clear()
        try:
            delay = min(await step(), at_most)
        except Exception as error:
            if is_away(error):
                await _pause(wake, stop, trouble.away(error))
            else:
                log.exception("loop_failed", loop=name)
                await _pause(asyncio.Event(), stop, trouble.failed())
        else:
            trouble.over()
            await _pause(wake, stop, delay)


class _Trouble:
    """The failures of a loop, each logged once and not every second. Methods return the seconds until the next try."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._away = False
        self._failures = 0

    def away(self, error: Exception) -> float:
        if not self._away:
            log.warning(
                "database_away", loop=self._name, error=type(error).__name__, consequence="tried again every second"
            )
        ERRORS.labels("database").inc()
        self._away = True
        return 1.0

    def failed(self) -> float:
        ERRORS.labels("loop").inc()
        self._failures += 1
        return min(2.0 ** min(self._failures - 1, 10), _MAX_PAUSE_SECONDS)

    def over(self) -> None:
        if self._away:
            log.info("database_back", loop=self._name)
        self._away, self._failures = False, 0


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, cancelling again every two seconds.

    `asyncio.wait_for` of Python 3.11, by which pools wait for connections, loses a cancellation that arrives together
    with what it waits for: a task that was cancelled once may live on.
    """
    waiting = [task for task in tasks if not task.done()]
    while waiting:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=_CANCEL_INTERVAL_SECONDS)
        waiting = [task for task in waiting if not task.done()]


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run something as long as the block lasts; should it fail, the process ends."""
    task = supervised(work)
    try:
        yield
    finally:
        await ended([task])


def supervised(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Return a task whose failure ends the process (SIGTERM), which is then started again with all its parts."""
    task = asyncio.create_task(work)
    task.add_done_callback(_end_with)
    return task


def _end_with(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("background_task_failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def _pause(wake: asyncio.Event, stop: asyncio.Event, delay: float) -> None:
    if delay <= 0:
        await asyncio.sleep(0)
        return
    waits = [asyncio.ensure_future(wake.wait()), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(waits, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
