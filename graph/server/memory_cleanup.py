"""Ended runs and idle threads, let go from the memory of the server's in-memory runtime.

That runtime keeps every run and thread until it is restarted, and looks through all of them at most requests
(langgraph-runtime-inmem 0.36). What is let go here is what a restart takes away at any moment: checkpoints stay in
Postgres, a thread is known again when it is named, and the gateway posts a turn again whose run is not known.
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
KEPT_FOR = timedelta(hours=1)  # for LangGraph Studio, and for a gateway that was away
UNFINISHED = ("pending", "running")

Rows = list[Mapping[str, Any]]


async def clean_up_forever() -> None:
    """Forget now and then what is older than KEPT_FOR; do nothing where this process is no such server."""
    runtime = sys.modules.get("langgraph_runtime_inmem.database")
    while runtime is not None:
        clean_up(runtime.GLOBAL_STORE, datetime.now(UTC) - KEPT_FOR)
        await asyncio.sleep(INTERVAL_SECONDS)


def clean_up(store: MutableMapping[str, Rows], before: datetime) -> None:
    """Take out the runs that ended before that moment, and the threads without a run that nothing changed since.

    The lists are replaced, never changed: requests may be in the middle of reading them.
    """
    runs, threads = store["runs"], store["threads"]
    store["runs"] = [run for run in runs if run["status"] in UNFINISHED or run["updated_at"] >= before]
    busy = {run["thread_id"] for run in store["runs"]}
    store["threads"] = [one for one in threads if one["thread_id"] in busy or one["updated_at"] >= before]
    if gone := len(runs) - len(store["runs"]):
        log.info("Forgot %d ended runs, and %d threads.", gone, len(threads) - len(store["threads"]))
