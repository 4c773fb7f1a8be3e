"""Background tasks, which are cancelled when the world ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """The tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Cancel all background work."""
        for task in self._tasks:
            task.cancel()
