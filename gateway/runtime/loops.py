"""Loops that look for work when a notification wakes them, and at an interval in case a notification is lost.

A loop survives a database that is away and a row that cannot be processed; neither stops the other loops.
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
_MAX_PAUSE_SECONDS = 30.0  # between the attempts of a loop that fails repeatedly

#: Do the work that is due; return the seconds after which the step must be called again even if nothing wakes it.
Step = Callable[[], Awaitable[float]]


async def poll(name: str, step: Step, *, wake: asyncio.Event, stop: asyncio.Event, at_most: float) -> None:
    """Call `step` whenever `wake` is set or its delay has passed, until `stop` is set.

    A database that is away is logged once, tried every second, and logged once more when it is back. Any other failure
    is logged each time, and followed by a pause that grows and that `wake` does not end.
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
    """The failures of a loop. Its methods return the seconds until the next attempt."""

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
    with the awaited result: a task that was cancelled once may continue.
    """
    waiting = [task for task in tasks if not task.done()]
    while waiting:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=_CANCEL_INTERVAL_SECONDS)
        waiting = [task for task in waiting if not task.done()]


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a coroutine as long as the block lasts; if it fails, the process ends."""
    task = supervised(work)
    try:
        yield
    finally:
        await ended([task])


def supervised(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Return a task whose failure ends the process (SIGTERM), so that its supervisor restarts all its parts."""
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
