"""The map of personal data (docs/privacy.md) names every table and column that exists, and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.store.postgres import PostgresStore
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from gateway.store.migrate import migrate
from graph.business.demo import create_tables
from graph.knowledge.tables import create_tables as create_knowledge
from graph.server import fence
from graph.server.postgres import connection_settings
from simulator.stack.postgres import Postgres

MAP = Path(__file__).parent.parent / "docs" / "privacy.md"
_ROW = re.compile(r"^\| `([\w.]+)`[^|]*\|([^|]*)\|([^|]*)\|", re.MULTILINE)
_COLUMNS = """
    SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END, attname
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')
      AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'"""


@pytest.fixture(scope="module")
def migrated(postgres: Postgres) -> Iterator[str]:
    url = postgres.create_database("privacy")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA agent")
    migrate(url)
    asyncio.run(create_tables(url))
    asyncio.run(create_knowledge(url))
    agent = make_conninfo(url, options="-c search_path=agent")
    for kind in (PostgresSaver, PostgresStore):
        with kind.from_conn_string(agent) as tables:
            tables.setup()
    asyncio.run(_make_fences(agent))
    yield url
    postgres.drop_database("privacy")


async def _make_fences(url: str) -> None:
    async with await AsyncConnection.connect(url, **connection_settings()) as connection:
        await fence.set_up(connection)


def _named() -> dict[str, set[str]]:
    """Return the columns of each table that the map names."""
    found: dict[str, set[str]] = defaultdict(set)
    for table, *columns in _ROW.findall(MAP.read_text()):
        for cell in columns:
            found[table] |= set(re.findall(r"`(\w+)`", cell))
    return found


def test_the_map_names_every_table_and_column(migrated: str) -> None:
    existing: dict[str, set[str]] = defaultdict(set)
    with psycopg.connect(migrated) as conn:
        for table, column in conn.execute(_COLUMNS).fetchall():
            existing[table].add(column)
    assert len(existing) > 40
    named = _named()
    missing = {table: gone for table, columns in existing.items() if (gone := columns - named[table])}
    assert not missing, "docs/privacy.md: say whether these hold data of a customer, and when they end"
    invented = {table: more for table, columns in named.items() if (more := columns - existing.get(table, set()))}
    assert not invented, "docs/privacy.md names what does not exist"
