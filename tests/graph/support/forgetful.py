"""The server's checkpointer with a fast memory cleanup, for a server under test (`checkpointer.path`).

The file that MEMORY_SIZES names always holds the number of entries in each structure of the in-memory runtime.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from langgraph_runtime_inmem.database import GLOBAL_RETRY_COUNTER, GLOBAL_STORE
from langgraph_runtime_inmem.inmem_stream import get_stream_manager

from graph.server import memory_cleanup, persistence

memory_cleanup.KEPT_COUNT = 0
memory_cleanup.KEPT_FOR = timedelta(seconds=0.5)
memory_cleanup.INTERVAL_SECONDS = 0.1


@asynccontextmanager
async def checkpointer() -> AsyncIterator[Any]:
    """Provide the checkpointer, and write the sizes meanwhile."""
    async with persistence.checkpointer() as saver:
        writing = asyncio.create_task(_write_sizes(Path(os.environ["MEMORY_SIZES"])))
        yield saver
        writing.cancel()


async def _write_sizes(path: Path) -> None:
    while True:
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(_sizes()))
        fresh.replace(path)
        await asyncio.sleep(0.1)


def _sizes() -> dict[str, int]:
    streams = get_stream_manager()
    by_thread = ("queues", "control_queues", "control_keys", "message_stores")
    return {
        "runs": len(GLOBAL_STORE["runs"]),
        "threads": len(GLOBAL_STORE["threads"]),
        "counters": len(GLOBAL_RETRY_COUNTER._counters),
        "locks": len(GLOBAL_RETRY_COUNTER._locks),
        "thread_streams": len(streams.thread_streams),
        **{name: sum(1 + len(runs) for runs in getattr(streams, name).values()) for name in by_thread},
    }
