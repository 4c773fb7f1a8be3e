"""The audit of people's actions, only ever added to. No texts of messages, no numbers of customers, no secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import Connection
from gateway.store.people.people import Person

COMMAND_LINE = "command line"
STRANGER = "nobody signed in"


@dataclass(frozen=True)
class Entry:
    """One thing that a person did. subject: `person:…` or `conversation:…` with an id; id: rises with time.

    person_id: None for the command line, and for somebody who was not let in.
    """

    id: int
    at: datetime
    person_id: UUID | None
    person_name: str
    action: str
    subject: str
    detail: dict[str, Any]


async def write(
    conn: Connection, person: Person | None, action: str, subject: str, detail: dict[str, Any] | None = None
) -> None:
    """Write that a person did something (None: the command line did), in the transaction in which it is done."""
    who = (person.id, person.name) if person else (None, COMMAND_LINE)
    await conn.execute(
        "INSERT INTO audit (person_id, person_name, action, subject, detail) VALUES (%s, %s, %s, %s, %s)",
        (*who, action, subject, Jsonb(detail or {})),
    )


async def refuse(conn: Connection, subject: str, detail: dict[str, Any]) -> None:
    """Write that somebody was not let in as a person, `person:…`, or as an unknown one, `person:unknown`."""
    await conn.execute(
        "INSERT INTO audit (person_name, action, subject, detail) VALUES (%s, 'login_refused', %s, %s)",
        (STRANGER, subject, Jsonb(detail)),
    )


async def page(
    conn: Connection, limit: int, *,
    before: int | None = None, person_id: UUID | None = None, action: str | None = None, subject: str | None = None,
) -> list[Entry]:  # fmt: skip
    """Return what was done, the newest first: at most so many entries, older than one, by a person, of a kind."""
    given = {"id < %s": before, "person_id = %s": person_id, "action = %s": action, "subject = %s": subject}
    wanted = {condition: value for condition, value in given.items() if value is not None}
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    async with conn.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            f"SELECT id, at, person_id, person_name, action, subject, detail FROM audit {where}"  # noqa: S608  # constants
            " ORDER BY id DESC LIMIT %s",
            (*wanted.values(), limit),
        )
        return await cursor.fetchall()


async def actions(conn: Connection) -> list[str]:
    """Return the kinds of actions that there are, found one after the other on their index."""
    cursor = await conn.execute(
        """WITH RECURSIVE kinds AS (
               (SELECT action FROM audit ORDER BY action LIMIT 1)
               UNION ALL
               SELECT (SELECT a.action FROM audit a WHERE a.action > k.action ORDER BY a.action LIMIT 1)
               FROM kinds k WHERE k.action IS NOT NULL)
           SELECT action FROM kinds WHERE action IS NOT NULL"""
    )
    return [row[0] for row in await cursor.fetchall()]


async def purge(conn: Connection, days: float, limit: int) -> int:
    """Delete what is older than so many days, at most so much; return how much."""
    async with conn.transaction():
        await conn.execute("SET LOCAL gateway.deletes_old_audit = 'on'")
        cursor = await conn.execute(
            """DELETE FROM audit WHERE id IN (
                   SELECT id FROM audit WHERE at < now() - %s * interval '1 day' ORDER BY at LIMIT %s)""",
            (days, limit),
        )
    return cursor.rowcount
