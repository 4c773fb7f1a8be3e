"""The database: whether it answers, its schema, the role's rights, extensions, and a pooler that breaks sessions."""

from __future__ import annotations

import asyncio

import psycopg

from gateway.doctor.findings import Finding, problem, unchecked, warning
from gateway.store import diagnosis
from gateway.store.database import Connection
from gateway.store.migrate import newer, pending

PART = "database"
_MIN_VERSION = 150_000
# Tables that each process reads; the console's role may not read webhooks.
_TABLES = ("conversation", "message", "turn", "contact")
_CONNECT_SECONDS = 5


async def connect(url: str) -> Connection:
    """Return a connection. Raises psycopg.Error."""
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=_CONNECT_SECONDS, application_name="whatsapp-gateway-doctor"
    )


def away(error: psycopg.Error) -> Finding:
    """Return the finding about a database that cannot be reached; libpq's words hold no password."""
    step = "start Postgres, or mend DATABASE_URL (address, role, password) and the network's rules"
    return problem(PART, f"Postgres does not answer: {_first_line(error)}", step)


async def database(url: str) -> list[Finding]:
    """Check the database. Raises psycopg.OperationalError where it is away."""
    async with await connect(url) as conn, await connect(url) as second:
        server = await diagnosis.server(conn)
        return [
            *_server(server),
            *_pooler(await _same_backend(conn, second)),
            *await _schema(url),
            *await _rights(conn, server.role),
            *await _extensions(conn),
        ]


def _server(server: diagnosis.Server) -> list[Finding]:
    found = []
    if server.version < _MIN_VERSION:
        found.append(problem(PART, f"Postgres {server.version // 10_000} is too old", "use Postgres 15 or newer"))
    if server.read_only:
        step = "let DATABASE_URL name the primary server"
        found.append(problem(PART, "the server is read-only: nothing can be stored", step))
    if server.superuser:
        step = "use the roles of `gateway roles --sql` (docs/operations.md, Database roles)"
        found.append(warning(PART, f"the role {server.role} is a superuser, which no process needs", step))
    return found


async def _same_backend(conn: Connection, second: Connection) -> bool:
    """Return whether two open connections are served by one server process, which only such a pooler does."""
    return [await diagnosis.backend(conn)] * 2 == [await diagnosis.backend(second), await diagnosis.backend(conn)]


def _pooler(shared: bool) -> list[Finding]:
    if not shared:
        return []
    what = "a pooler in transaction mode is in between: LISTEN and advisory locks do not work, so that work is late"
    return [problem(PART, what, "set its pool_mode to session, or let DATABASE_URL name Postgres itself")]


async def _schema(url: str) -> list[Finding]:
    try:
        missing, unknown = await asyncio.to_thread(pending, url), await asyncio.to_thread(newer, url)
    except psycopg.errors.InsufficientPrivilege:
        step = "run `gateway migrate` as wa_migrate, which gives the rights at its end"
        return [problem(PART, "the role may not see which migrations were applied", step)]
    found = []
    if missing:
        what = f"the schema is older than this program: {len(missing)} migrations are missing, from {missing[0]}"
        found.append(problem(PART, what, "run `gateway migrate` as wa_migrate"))
    if unknown:
        what = f"the schema is newer than this program, which does not know {unknown[-1]}"
        found.append(warning(PART, what, "run all processes of the newer version; one version back works meanwhile"))
    return found


async def _rights(conn: Connection, role: str) -> list[Finding]:
    closed = await diagnosis.closed_tables(conn, [*_TABLES, "event"])
    step = "run `gateway migrate` as wa_migrate, or use the process's own role (docs/operations.md, Database roles)"
    if closed == ["event"]:
        place = "run it in the pod of `serve` or `work`"
        return [unchecked(PART, f"the role {role} may not read webhooks (as intended for the console)", place)]
    if closed:
        return [problem(PART, f"the role {role} may not read {', '.join(closed)}", step)]
    if fixed := await diagnosis.fixed_tables(conn, [*_TABLES, "event"]):
        return [problem(PART, f"the role {role} may not change {', '.join(fixed)}", step)]
    return []


async def _extensions(conn: Connection) -> list[Finding]:
    return [
        problem(PART, f"the extension {name} is missing: search fails", f"as a superuser: CREATE EXTENSION {name}")
        for name in await diagnosis.missing_extensions(conn)
    ]


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
