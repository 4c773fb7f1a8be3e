"""The tables of the knowledge, and the parts of this process that use them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from psycopg import AsyncConnection

from graph.knowledge.cases import Cases
from graph.knowledge.console.grouping import Grouping
from graph.knowledge.console.overview import Overview
from graph.knowledge.embeddings import embeddings
from graph.knowledge.imports.rows import Imports
from graph.knowledge.imports.worker import Worker
from graph.knowledge.search import Search
from graph.knowledge.store import KnowledgeStore
from graph.knowledge.unanswered import Unanswered
from graph.knowledge.vectors import Vectors
from graph.server.postgres import LoopPool, connection_settings
from graph.settings import settings

TABLES = Path(__file__).with_name("schema.sql")
POOL_SIZE = 5


class Knowledge:
    """The texts of the company: their sources, files that become sources, the search, and the questions in vain."""

    def __init__(self, address: str) -> None:
        config = settings()
        self._pool = LoopPool(address, POOL_SIZE, "knowledge")
        self.sources = KnowledgeStore(self._pool)
        self.vectors = Vectors(self._pool, embeddings())
        self.search = Search(self._pool, self.vectors, config.knowledge_threshold)
        self.cases = Cases(self._pool, self.search)
        self.imports = Imports(self._pool, self.sources)
        self.worker = Worker(self.imports, self.vectors.wake)
        self.overview = Overview(self._pool)
        self.grouping = Grouping(self._pool, self.vectors)
        self.unanswered = Unanswered(self._pool, config.knowledge_unanswered_days)

    async def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        await self._pool.close()


@lru_cache
def knowledge() -> Knowledge:
    """Return the knowledge of this process."""
    return Knowledge(settings().knowledge_database)


async def create_tables(address: str) -> bool:
    """Create missing tables, also in parallel; return whether the database keeps vectors."""
    async with (
        await AsyncConnection.connect(address, **connection_settings()) as connection,
        connection.transaction(),
    ):
        # IF NOT EXISTS alone fails when two transactions do it at once.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('graph.knowledge.tables', 0))")
        await connection.execute(TABLES.read_bytes())
        asked = await connection.execute("SELECT to_regclass('knowledge.embedding') IS NOT NULL AS there")
        row = await asked.fetchone()
        return bool(row and row["there"])
