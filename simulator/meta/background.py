"""Work that goes on beside the requests, and ends when the world does."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """End everything that goes on."""
        for task in self._tasks:
            task.cancel()
