"""Remove ended runs and idle threads from the memory of the server's in-memory runtime.

That runtime keeps every run and thread until it is restarted, and searches all of them at most requests
(langgraph-runtime-inmem 0.36). A restart would remove the same entries: checkpoints stay in Postgres, a thread is known
again when a request names it, and the gateway posts a turn again if its run is unknown.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 300.0
KEPT_FOR = timedelta(hours=1)  # for LangGraph Studio, and for a gateway that was unavailable
UNFINISHED = ("pending", "running")

Rows = list[Mapping[str, Any]]


async def clean_up_forever() -> None:
    """Remove entries older than KEPT_FOR at intervals; do nothing if this process has no in-memory runtime."""
    runtime = sys.modules.get("langgraph_runtime_inmem.database")
    while runtime is not None:
        clean_up(runtime.GLOBAL_STORE, datetime.now(UTC) - KEPT_FOR)
        await asyncio.sleep(INTERVAL_SECONDS)


def clean_up(store: MutableMapping[str, Rows], before: datetime) -> None:
    """Remove the runs that ended before that moment, and the threads without a run that have not changed since.

    The lists are replaced, never changed, because requests may be reading them.
    """
    runs, threads = store["runs"], store["threads"]
    store["runs"] = [run for run in runs if run["status"] in UNFINISHED or run["updated_at"] >= before]
    busy = {run["thread_id"] for run in store["runs"]}
    store["threads"] = [one for one in threads if one["thread_id"] in busy or one["updated_at"] >= before]
    if gone := len(runs) - len(store["runs"]):
        log.info("Forgot %d ended runs, and %d threads.", gone, len(threads) - len(store["threads"]))
