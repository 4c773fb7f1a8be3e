"""The bytes that a turn adds to each table, and what remains of the agent's tables once they are tidied up.

Customers ask for orders, nine messages each. ``python -m bench.sizes 300`` has another number of customers.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bench.long import stack
from bench.replicas import simulator
from graph.server.postgres import new_pool
from graph.server.retention import Retention
from simulator.keys import Passwords
from simulator.load import MAX_MESSAGES_EACH, Load

CUSTOMERS = 300
WRITTEN_PER_SECOND = 10.0
AGENT_SCHEMA = "agent"
SIZES: LiteralString = """
    SELECT n.nspname, c.relname, pg_total_relation_size(c.oid), pg_indexes_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname IN ('public', 'agent')
"""

#: The bytes of a table with its indexes, and those of the indexes alone, by schema and table.
Sizes = dict[tuple[str, str], tuple[int, int]]


def sizes(url: str) -> Sizes:
    """Return the sizes of all tables without the space of deleted rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM FULL")
        rows = connection.execute(SIZES).fetchall()
        return {(schema, table): (total, indexes) for schema, table, total, indexes in rows}


def rows(url: str, schema: str, table: str) -> int:
    """Return how many rows a table has."""
    with psycopg.connect(url) as connection:
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        row = connection.execute(count).fetchone()
        return int(row[0]) if row else 0


async def tidy(url: str) -> None:
    """Delete what the agent server deletes every five minutes."""
    pool = new_pool(make_conninfo(url, options=f"-c search_path={AGENT_SCHEMA}"), 1, "sizes")
    async with pool:
        await Retention(pool, 0).tidy(datetime.now(UTC))


async def measure(directory: Path, customers: int) -> None:
    """Print the table."""
    turns = customers * MAX_MESSAGES_EACH
    with stack(directory) as state:
        url = make_conninfo(
            state["addresses"]["postgres"], user="postgres", password=Passwords.load(directory).postgres
        )
        before = sizes(url)
        async with simulator(directory, state) as client:
            load = Load(client, customers, MAX_MESSAGES_EACH, customers / WRITTEN_PER_SECOND)
            report = await load.run(800, lambda _: None)
        turns -= report.lost
        after = sizes(url)
        await tidy(url)
        tidied = sizes(url)
        print(f"{turns} turns of {customers} customers, bytes a turn")
        print(f"{'table':<28}{'all':>8}{'indexes':>9}{'tidied':>8}{'rows':>8}")
        for name in sorted(after, key=lambda one: before.get(one, (0, 0))[0] - after[one][0]):
            _print(name, turns, before.get(name, (0, 0)), after[name], tidied[name], rows(url, *name))


def _print(
    name: tuple[str, str],
    turns: int,
    before: tuple[int, int],
    after: tuple[int, int],
    tidied: tuple[int, int],
    rows: int,
) -> None:
    """Print a table that has grown by a byte a turn or more."""
    if after[0] - before[0] >= turns:
        grown = (after[0] - before[0], after[1] - before[1], tidied[0] - before[0])
        print(f"{'.'.join(name):<28}{grown[0] / turns:>8.0f}{grown[1] / turns:>9.0f}{grown[2] / turns:>8.0f}{rows:>8}")


def main(customers: int = CUSTOMERS) -> None:
    """Print the table of a fresh stack."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        asyncio.run(measure(Path(directory), customers))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
