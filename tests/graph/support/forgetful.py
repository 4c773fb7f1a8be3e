"""The server's checkpointer with a fast memory cleanup, for a server under test (``checkpointer.path``)."""

from __future__ import annotations

from datetime import timedelta

from graph.server import memory_cleanup
from graph.server.persistence import checkpointer

memory_cleanup.KEPT_FOR = timedelta(seconds=0.5)
memory_cleanup.INTERVAL_SECONDS = 0.1

__all__ = ["checkpointer"]
