"""The end of background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_SECONDS = 2.0


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, cancelling again every two seconds.

    `asyncio.wait_for` of Python 3.11, by which pools wait for connections, loses a cancellation that arrives together
    with the awaited result: a task that was cancelled once may continue.
    """
    waiting = [task for task in tasks if not task.done()]
    while waiting:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=_AGAIN_SECONDS)
        waiting = [task for task in waiting if not task.done()]
