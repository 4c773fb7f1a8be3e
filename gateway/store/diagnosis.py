"""Questions of `gateway doctor` to the database: what it is and what waits in it, never what people said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from gateway.store.database import Connection

EXTENSIONS = ("pg_trgm", "unaccent")  # those that the migrations create; lists and search need them
_REASONS = 5


@dataclass(frozen=True, slots=True)
class Server:
    """The server and the role. backend: the id of the server process that answered."""

    version: int
    role: str
    superuser: bool
    read_only: bool
    backend: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """Messages of the last day that failed for one reason. code: Meta's, or None."""

    code: int | None
    messages: int


async def server(conn: Connection) -> Server:
    """Return facts about the server."""
    async with conn.cursor(row_factory=class_row(Server)) as cursor:
        await cursor.execute(
            """SELECT current_setting('server_version_num')::int AS version, current_user::text AS role,
                      (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                      pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only,
                      pg_backend_pid() AS backend, clock_timestamp() AS now"""
        )
        return await cursor.fetchone()  # type: ignore[return-value]  # one row


async def backend(conn: Connection) -> int:
    """Return the id of the server process that answers now."""
    row = await (await conn.execute("SELECT pg_backend_pid()")).fetchone()
    return int(row[0]) if row else 0


async def missing_extensions(conn: Connection) -> list[str]:
    """Return the needed extensions that the database lacks."""
    cursor = await conn.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE name NOT IN (SELECT extname FROM pg_extension)",
        (list(EXTENSIONS),),
    )
    return [row[0] for row in await cursor.fetchall()]


async def closed_tables(conn: Connection, names: list[str]) -> list[str]:
    """Return those of these tables that exist and that the role may not read."""
    cursor = await conn.execute(
        """SELECT name FROM unnest(%s::text[]) AS name
           WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), 'SELECT')""",
        (names,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def fixed_tables(conn: Connection, names: list[str]) -> list[str]:
    """Return those of these tables that exist and whose rows the role may not add, change or delete."""
    cursor = await conn.execute(
        """SELECT name FROM unnest(%s::text[]) AS name
           WHERE NOT (SELECT bool_and(has_table_privilege(to_regclass(name), of))
                      FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS of)""",
        (names,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def last_webhook(conn: Connection) -> datetime | None:
    """Return when the newest webhook item that is still kept came in; None: there is none."""
    row = await (await conn.execute("SELECT max(received_at) FROM event")).fetchone()
    return row[0] if row else None


async def unknown_numbers(conn: Connection, known: list[str]) -> list[str]:
    """Return the numbers whose webhook items wait because they are not among the known ones."""
    cursor = await conn.execute(
        """SELECT DISTINCT phone_number_id FROM event
           WHERE state = 'new' AND phone_number_id <> ALL(%s) ORDER BY phone_number_id LIMIT 20""",
        (known,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def held_by_others(conn: Connection) -> int:
    """Return how many conversations wait for a person or another app, so that the agent does not answer there."""
    row = await (
        await conn.execute("SELECT count(*) FROM conversation WHERE holder <> 'agent' AND waits_since IS NOT NULL")
    ).fetchone()
    return int(row[0]) if row else 0


async def refusals(conn: Connection) -> list[Refusal]:
    """Return why messages of the last day failed, the most frequent reasons first."""
    async with conn.cursor(row_factory=class_row(Refusal)) as cursor:
        await cursor.execute(
            """SELECT error_code AS code, count(*) AS messages FROM message
               WHERE direction = 'out' AND status = 'failed' AND created_at > now() - interval '1 day'
               GROUP BY error_code ORDER BY messages DESC, code LIMIT %s""",
            (_REASONS,),
        )
        return await cursor.fetchall()
