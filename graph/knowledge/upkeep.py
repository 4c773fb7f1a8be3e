"""The upkeep of the knowledge as long as a server runs: missing vectors are made, and their absence is said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
from starlette.applications import Starlette

from graph.knowledge.tables import knowledge
from graph.settings import settings

log = logging.getLogger(__name__)


@asynccontextmanager
async def knowledge_of_this_server(_: Starlette) -> AsyncIterator[None]:
    """Keep the vectors complete while the block runs; do nothing without KNOWLEDGE."""
    if not settings().knowledge:
        yield
        return
    task = asyncio.create_task(_keep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await knowledge().close()


async def _keep() -> None:
    try:
        if not await knowledge().vectors.available():
            log.warning("knowledge is searched by words alone: EMBEDDINGS_MODEL or pgvector is missing")
    except psycopg.Error as error:  # it is away; the loop tries again
        log.warning("the knowledge is not available: %s", type(error).__name__)
    await knowledge().vectors.keep_complete()
