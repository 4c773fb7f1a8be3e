"""The server's checkpointer with a short memory, for a server under test (``checkpointer.path``)."""

from __future__ import annotations

from datetime import timedelta

from graph.server import forgetting
from graph.server.persistence import checkpointer

forgetting.KEPT = timedelta(seconds=0.5)
forgetting.EVERY_SECONDS = 0.1

__all__ = ["checkpointer"]
