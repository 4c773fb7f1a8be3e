"""Remove ended runs and idle threads from the memory of the server's in-memory runtime.

That runtime keeps every run and thread until it is restarted, and searches all of them at most requests; of each run it
keeps also a counter of tries, a lock and the queues of its streams (langgraph-runtime-inmem 0.36). A restart would
remove the same entries: checkpoints stay in Postgres, a thread is known again when a request names it, and the gateway
posts a turn again if its run is unknown. Deleting a run through the server's API would delete its checkpoints too.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

INTERVAL_SECONDS = 10.0
# An entry stays while it is younger than this, or one of the newest: for a request that is about to ask for it, and for
# LangGraph Studio.
KEPT_FOR = timedelta(seconds=60)
KEPT_COUNT = 200
UNFINISHED = ("pending", "running")

Rows = list[Mapping[str, Any]]


async def clean_up_forever() -> None:
    """Remove old entries at intervals; do nothing if this process has no in-memory runtime."""
    database = sys.modules.get("langgraph_runtime_inmem.database")
    streams = sys.modules.get("langgraph_runtime_inmem.inmem_stream")
    while database is not None and streams is not None:
        gone = clean_up(database.GLOBAL_STORE, datetime.now(UTC))
        known = {run["run_id"] for run in database.GLOBAL_STORE["runs"]}
        drop_tries(database.GLOBAL_RETRY_COUNTER, known)
        drop_streams(streams.get_stream_manager(), known, gone)
        await asyncio.sleep(INTERVAL_SECONDS)


def unfinished_runs() -> int:
    """Return how many runs of this process have not ended; 0 if it has no in-memory runtime."""
    database = sys.modules.get("langgraph_runtime_inmem.database")
    runs = database.GLOBAL_STORE["runs"] if database is not None else []
    return sum(run["status"] in UNFINISHED for run in runs)


def clean_up(store: MutableMapping[str, Rows], now: datetime) -> set[UUID]:
    """Remove the ended runs, and the threads without a run, that are neither young nor among the newest.

    The lists are replaced, never changed, because requests may be reading them. Return the ids of the removed runs.
    """
    runs, threads = store["runs"], store["threads"]
    before = _oldest_kept((run["updated_at"] for run in runs if run["status"] not in UNFINISHED), now)
    store["runs"] = [run for run in runs if run["status"] in UNFINISHED or run["updated_at"] >= before]
    busy = {run["thread_id"] for run in store["runs"]}
    before = _oldest_kept((one["updated_at"] for one in threads), now)
    store["threads"] = [one for one in threads if one["thread_id"] in busy or one["updated_at"] >= before]
    return {run["run_id"] for run in runs} - {run["run_id"] for run in store["runs"]}


def _oldest_kept(moments: Iterable[datetime], now: datetime) -> datetime:
    """Return the moment from which on entries are kept, given the moments of their last changes."""
    newest = heapq.nlargest(KEPT_COUNT, moments)
    return min([now - KEPT_FOR, *newest[-1:]])


def drop_tries(counter: Any, known: AbstractSet[UUID]) -> None:  # noqa: ANN401 - the runtime has no types
    """Remove the counters of tries, and their locks, of runs that are not known."""
    for by_run in (counter._counters, counter._locks):
        _remove(by_run, by_run.keys() - known)


def drop_streams(streams: Any, known: AbstractSet[UUID], gone: AbstractSet[UUID]) -> None:  # noqa: ANN401 - as above
    """Remove the messages and queues of runs that are not known.

    A queue with listeners stays unless its run is one of those just removed: some requests listen before they create
    their run.
    """
    for by_thread in (streams.control_keys, streams.message_stores):
        for by_run in by_thread.values():
            _remove(by_run, by_run.keys() - known)
        _remove(by_thread, {thread for thread, by_run in by_thread.items() if not by_run})
    for by_thread in (streams.queues, streams.control_queues):
        for by_run in by_thread.values():
            _remove(by_run, {run for run in by_run.keys() - known if run in gone or not by_run[run]})
        _remove(by_thread, {thread for thread, by_run in by_thread.items() if not by_run})
    threads = streams.thread_streams
    _remove(threads, {thread for thread, listeners in threads.items() if not listeners})


def _remove(entries: MutableMapping[Any, Any], keys: AbstractSet[Any]) -> None:
    for key in keys:
        del entries[key]
