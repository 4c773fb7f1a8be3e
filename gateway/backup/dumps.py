"""Dump and load one database by pg_dump and pg_restore, and count what it holds."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from gateway.backup.errors import BackupError
from gateway.backup.manifest import Table

_NAMES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
          "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "options": "PGOPTIONS"}  # fmt: skip
_SAMPLE_ROWS = 100


def identity(url: str) -> tuple[Any, ...]:
    """Return what tells a database from every other one, under whatever address."""
    with psycopg.connect(url, connect_timeout=5) as conn:
        asked = conn.execute("SELECT current_database(), pg_postmaster_start_time(), inet_server_port()")
        return asked.fetchone() or ()


@contextmanager
def snapshot(url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """Open a snapshot of a database: a connection that reads it, and its name for pg_dump."""
    with psycopg.connect(url, connect_timeout=5) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        named = conn.execute("SELECT pg_export_snapshot()").fetchone()
        yield conn, named[0] if named else ""


@contextmanager
def dump(url: str, name: str) -> Iterator[IO[bytes]]:
    """Open the dump of a snapshot as a stream. Raises BackupError at the end if it is not whole."""
    with _started("pg_dump", url, "--format=custom", f"--snapshot={name}", stdout=subprocess.PIPE) as process:
        yield cast("IO[bytes]", process.stdout)


def load(url: str, path: Path, *, owners: bool = True) -> None:
    """Load a dump into an empty database, all or nothing; owners: with owners and rights. Raises BackupError."""
    name = str(conninfo_to_dict(url)["dbname"])
    kept = () if owners else ("--no-owner", "--no-privileges")
    with _started("pg_restore", url, "--exit-on-error", "--single-transaction", *kept, f"--dbname={name}", str(path)):
        pass


def create(server: str, name: str) -> str:
    """Make an empty database on a server, in the place of one of this name; return its address."""
    drop(server, name)
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")


def drop(server: str, name: str) -> None:
    """Drop a database of a server, if it exists."""
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def is_empty(url: str) -> bool:
    """Return whether a database has no table."""
    with psycopg.connect(url, connect_timeout=5) as conn:
        return not _tables(conn)


def tables(conn: psycopg.Connection) -> dict[str, Table]:
    """Return the number of rows, and a hash over some of them, of each table, in the connection's transaction."""
    conn.execute("SET LOCAL TimeZone TO 'UTC'")
    return {f"{schema}.{name}": _table(conn, sql.Identifier(schema, name)) for schema, name in _tables(conn)}


def paths(conn: psycopg.Connection) -> set[str]:
    """Return the paths of all files that the gateway's tables name, in the connection's transaction."""
    columns = conn.execute(
        """SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace('public') AND a.attname = 'path'
             AND a.atttypid = 'text'::regtype AND NOT a.attisdropped"""
    ).fetchall()
    query = sql.SQL("SELECT path FROM {} WHERE path IS NOT NULL")
    return {path for (table,) in columns for (path,) in conn.execute(query.format(sql.Identifier("public", table)))}


def _table(conn: psycopg.Connection, name: sql.Identifier) -> Table:
    query = sql.SQL(
        """SELECT (SELECT count(*) FROM {table}), md5(coalesce(string_agg(row, ''), ''))
           FROM (SELECT md5(t::text) AS row FROM {table} t ORDER BY 1 LIMIT {limit}) s"""
    ).format(table=name, limit=_SAMPLE_ROWS)
    rows, sample = conn.execute(query).fetchone() or (0, "")
    return Table(rows=rows, sample=sample)


def _tables(conn: psycopg.Connection) -> list[tuple[str, str]]:
    asked = conn.execute(
        """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                             AND d.deptype = 'e') ORDER BY 1, 2"""
    )
    return [(schema, name) for schema, name in asked.fetchall()]


@contextmanager
def _started(program: str, url: str, *arguments: str, stdout: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of Postgres with the address in its environment, which no other user sees."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    environment |= {_NAMES[key]: str(value) for key, value in conninfo_to_dict(url).items() if key in _NAMES}
    with tempfile.TemporaryFile() as problems:
        try:
            process = subprocess.Popen([program, *arguments], env=environment, stdout=stdout, stderr=problems)  # noqa: S603  # our own command
        except FileNotFoundError:
            raise BackupError(f"{program} is not on the PATH: install it in the version of the server") from None
        with process:
            try:
                yield process
            except BaseException:  # Ctrl-C too: the program must not go on without its reader
                process.kill()
                raise
        if process.returncode:
            problems.seek(0)
            first = problems.read(500).decode(errors="replace").splitlines()[:1]
            raise BackupError(f"{program} failed: {''.join(first) or process.returncode}")
