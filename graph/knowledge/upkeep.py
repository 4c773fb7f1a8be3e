"""The upkeep of the knowledge as long as a server runs: imports are read, missing vectors are made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from starlette.applications import Starlette

from graph.knowledge.tables import knowledge
from graph.settings import settings
from graph.tasks import ended

log = logging.getLogger(__name__)


@asynccontextmanager
async def knowledge_of_this_server(_: Starlette) -> AsyncIterator[None]:
    """Read imports and keep the vectors complete while the block runs; do nothing without KNOWLEDGE or its token."""
    if not settings().knowledge and settings().knowledge_token is None:
        yield
        return
    tasks = [asyncio.create_task(_keep_vectors()), asyncio.create_task(knowledge().worker.run())]
    try:
        yield
    finally:
        await ended(tasks)
        await knowledge().close()


async def _keep_vectors() -> None:
    try:
        if not await knowledge().vectors.available():
            log.warning("knowledge is searched by words alone: EMBEDDINGS_MODEL or pgvector is missing")
    except psycopg.Error as error:  # it is away; the loop tries again
        log.warning("the knowledge is not available: %s", type(error).__name__)
    await knowledge().vectors.keep_complete()
