"""Databases that tests use one after another: emptied between two tests, which is faster than to create a new one.

A test may rely on a database that nobody has used: rows, sequences and catalogue are as the template has them, its name
is new, and no client of an earlier test can reach it. A database whose catalogue a test has changed is dropped.
A database that a server of several tests uses keeps its name and its clients, and is emptied as well.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from simulator.stack.postgres import Postgres

TERMINATION_SECONDS = 10.0
POLL_SECONDS = 0.002
_NO_TRIGGERS = "-c session_replication_role=replica"
MAX_BYTES = 4_000_000  # of all tables; DELETE leaves dead rows, which make a database slow in time

# Every change of a row of the catalogue gives it a newer xmin.
_BY_XMIN = " UNION ALL ".join(
    f"SELECT '{name}', count(*), sum(xmin::text::bigint) FROM {name}"
    for name in (
        "pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_default_acl", "pg_enum", "pg_event_trigger",
        "pg_extension", "pg_index", "pg_inherits", "pg_largeobject_metadata", "pg_namespace", "pg_policy", "pg_proc",
        "pg_publication", "pg_rewrite", "pg_sequence", "pg_statistic_ext", "pg_trigger", "pg_type",
    )
)  # fmt: skip
_CATALOGUE = f"""{_BY_XMIN} UNION ALL
    SELECT concat_ws(' ', datdba, datallowconn, datconnlimit, datacl),
           (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid), NULL
    FROM pg_database d WHERE datname = current_database()"""
_TABLES = """SELECT format('%I.%I', nspname, relname), pg_relation_size(c.oid)
             FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
             WHERE relkind = 'r' AND c.oid >= 16384 AND pg_relation_size(c.oid) > 0"""
_SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), start_value, last_value FROM pg_sequences ORDER BY 1"


@dataclass(frozen=True)
class _Original:
    """A database as its template has it; `rows` are those of the tables that have any, as COPY writes them."""

    catalogue: list[tuple[Any, ...]]
    sequences: list[tuple[Any, ...]]
    rows: dict[str, bytes]


class Databases:
    """The databases of the tests of one session.

    Their server stops vacuuming by itself: tests read rows in the order of their insertion, and new rows would fill the
    gaps that it makes.
    """

    def __init__(self, postgres: Postgres, prefix: str = "test") -> None:
        self._postgres = postgres
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._free: defaultdict[str, list[str]] = defaultdict(list)
        self._originals: dict[str, _Original] = {}
        self._connection: psycopg.Connection[Any] | None = None
        self._execute("ALTER SYSTEM SET autovacuum = off")
        self._execute("SELECT pg_reload_conf()")

    @contextmanager
    def one(self, template: str) -> Iterator[str]:
        """Give the URL of a database that is as `template` has it; keep it for the next test."""
        name = self._renamed(self._free[template].pop()) if self._free[template] else self._created(template)
        url = self._postgres.database_url(name)
        if template not in self._originals:
            self._originals[template] = _original(url)
        yield url
        if self._without_clients(name) and _restored(url, self._originals[template]):
            self._free[template].append(name)
        else:
            self._postgres.drop_database(name)

    @contextmanager
    def new(self, template: str) -> Iterator[str]:
        """Give the URL of a new database, a copy of `template`; drop it afterwards."""
        name = self._created(template)
        yield self._postgres.database_url(name)
        self._postgres.drop_database(name)

    @contextmanager
    def kept(self, template: str) -> Iterator[tuple[str, Callable[[], None]]]:
        """Give the URL of a new database, and a function that makes its rows those of `template` again.

        Its clients stay connected: it is for a server that outlives tests, which change no catalogue.
        """
        with self.new(template) as url:
            original = _original(url)
            yield url, lambda: _refill(url, original)

    def _new_name(self) -> str:
        return f"{self._prefix}_{next(self._numbers)}"

    def _created(self, template: str) -> str:
        name = self._new_name()
        self._postgres.create_database(name, template)
        return name

    def _renamed(self, old: str) -> str:
        name = self._new_name()
        self._execute(f"ALTER DATABASE {old} RENAME TO {name}")
        return name

    def _without_clients(self, name: str) -> bool:
        """End the clients that a test has left; return whether all have ended."""
        until = time.monotonic() + TERMINATION_SECONDS
        while self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"):
            if time.monotonic() > until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute it over a connection that is kept, or over a new one if a test has restarted the server."""
        try:
            return self._executed(statement)
        except psycopg.OperationalError:
            self._connection = None
            return self._executed(statement)

    def _executed(self, statement: str) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(self._postgres.url, autocommit=True)
        cursor = self._connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Drop the kept databases."""
        for name in itertools.chain.from_iterable(self._free.values()):
            self._postgres.drop_database(name)
        if self._connection:
            self._connection.close()


def _original(url: str) -> _Original:
    with psycopg.connect(url, autocommit=True) as connection:
        rows = {}
        for table, _ in connection.execute(_TABLES).fetchall():
            with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
                rows[table] = b"".join(bytes(part) for part in copy)
        catalogue = connection.execute(_CATALOGUE).fetchall()
        return _Original(catalogue, connection.execute(_SEQUENCES).fetchall(), rows)


def _restored(url: str, original: _Original) -> bool:
    """Give all tables and sequences of a database their first contents; return False if a new database is better."""
    with psycopg.connect(url, options=_NO_TRIGGERS) as connection:
        if connection.execute(_CATALOGUE.encode()).fetchall() != original.catalogue:
            return False
        sizes = dict(connection.execute(_TABLES).fetchall())
        if sum(sizes.values()) > MAX_BYTES:
            return False
        _restore_rows(connection, sizes, original)
    return True


def _refill(url: str, original: _Original) -> None:
    with psycopg.connect(url, options=_NO_TRIGGERS) as connection:
        _restore_rows(connection, [table for table, _ in connection.execute(_TABLES).fetchall()], original)


def _restore_rows(connection: psycopg.Connection[Any], tables: Iterable[str], original: _Original) -> None:
    connection.execute("; ".join(f"DELETE FROM {table}" for table in tables).encode())
    for table, rows in original.rows.items():
        with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
            copy.write(rows)
    _restore_sequences(connection, original)


def _restore_sequences(connection: psycopg.Connection[Any], original: _Original) -> None:
    first = {name: last for name, _, last in original.sequences}
    for name, start, last in connection.execute(_SEQUENCES).fetchall():
        if last != first[name]:
            connection.execute("SELECT setval(%s, %s, %s)", [name, first[name] or start, first[name] is not None])
