"""Requests to export or erase the data of one person: asked for, approved, carried out step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import Connection

Kind = Literal["export", "erase"]
KINDS: tuple[Kind, ...] = ("export", "erase")
#: The states of requests that have not ended: for an admin, for `gateway work`, for somebody who mends what was away.
OPEN = ("asked", "waiting", "unfinished")
AskedBy = Literal["customer", "person", "command"]

_COLUMNS = """id, kind, state, contact_id, asked_by, person_id, asked_at, due_at, step, attempts, error, facts, report,
              path, done_at"""
_LEASE = "now() + interval '2 minutes'"  # a step is a bounded batch; longer, its worker is taken for dead


def export_path(request_id: UUID) -> str:
    """Return the path of an export in the object store, where it waits for the admin who asked for it."""
    return f"exports/{request_id}.zip"


@dataclass(slots=True)
class DataRequest:
    """A request. facts: what its steps still need; report: counts by place, and places with the reason.

    Of these `not_reached` may be reached later, and `left` never by this program.
    """

    id: UUID
    kind: str
    state: str
    contact_id: UUID | None
    asked_by: str
    person_id: UUID | None
    asked_at: datetime
    due_at: datetime
    step: str | None
    attempts: int
    error: str | None
    path: str | None
    done_at: datetime | None
    facts: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def count(self, place: str, number: int) -> None:
        """Add to what the report says about a place."""
        if number:
            self.report[place] = self.report.get(place, 0) + number

    def missed(self, place: str, why: str, *, passing: bool) -> None:
        """Report that a place could not be reached (passing: a later attempt may), or is not ours to change."""
        name = "not_reached" if passing else "left"
        self.report[name] = {**self.report.get(name, {}), place: why}


async def ask(
    conn: Connection, kind: Kind, contact_id: UUID | None, asked_by: AskedBy, *,
    person_id: UUID | None = None, approved: bool = True, delay: float = 0, facts: dict[str, Any] | None = None,
) -> DataRequest:  # fmt: skip
    """Ask for an export or an erasure, and return the request; of a contact the one that is open, where there is one.

    approved: no person has to approve it. delay: seconds until it begins. facts: keys of a person without a contact.
    A request that waited for an approval, or that ended unfinished, goes on if this one is approved.
    """
    async with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        await cursor.execute(
            f"""INSERT INTO data_request AS r (kind, state, contact_id, asked_by, person_id, due_at, facts)
                VALUES (%(kind)s, %(state)s, %(contact)s, %(by)s, %(person)s,
                        now() + make_interval(secs => %(delay)s), %(facts)s)
                ON CONFLICT (contact_id, kind) WHERE state IN ('asked', 'waiting', 'unfinished') DO UPDATE SET
                    state = CASE WHEN r.state = 'waiting' OR %(approved)s THEN 'waiting' ELSE r.state END,
                    person_id = coalesce(excluded.person_id, r.person_id),
                    report = CASE WHEN r.state = 'unfinished' THEN r.report - 'not_reached' ELSE r.report END,
                    attempts = CASE WHEN %(approved)s THEN 0 ELSE r.attempts END,
                    due_at = CASE WHEN %(approved)s THEN excluded.due_at ELSE r.due_at END
                RETURNING {_COLUMNS}""",  # noqa: S608  # a constant
            {
                "kind": kind, "state": "waiting" if approved else "asked", "contact": contact_id, "by": asked_by,
                "person": person_id, "delay": delay, "facts": Jsonb(facts or {}), "approved": approved,
            },
        )  # fmt: skip
        return (await cursor.fetchall())[0]


async def claim(conn: Connection, request_id: UUID | None = None) -> DataRequest | None:
    """Lease the request that is due for longest, or the given one if it is due.

    A lease that ran out counts as an attempt: its worker was killed, perhaps by this request.
    """
    async with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        await cursor.execute(
            f"""UPDATE data_request SET lease_until = {_LEASE}, attempts = attempts + (lease_until IS NOT NULL)::int
                WHERE id = (
                    SELECT id FROM data_request WHERE state = 'waiting' AND due_at <= now()
                      AND (lease_until IS NULL OR lease_until < now())
                      AND (%(id)s::uuid IS NULL OR id = %(id)s)
                    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}""",  # noqa: S608  # constants
            {"id": request_id},
        )
        return await cursor.fetchone()


async def find(conn: Connection, request_id: UUID) -> DataRequest | None:
    """Return a request."""
    async with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM data_request WHERE id = %s", (request_id,))  # noqa: S608  # constant
        return await cursor.fetchone()


async def of_contact(conn: Connection, contact_id: UUID) -> list[DataRequest]:
    """Return the requests about a contact, the newest first, at most ten."""
    async with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM data_request WHERE contact_id = %s ORDER BY asked_at DESC LIMIT 10",  # noqa: S608  # constant
            (contact_id,),
        )
        return await cursor.fetchall()


async def unsettled(conn: Connection, limit: int) -> list[DataRequest]:
    """Return requests that wait for a person or for a place that was not reached, the oldest first."""
    async with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        await cursor.execute(
            f"""SELECT {_COLUMNS} FROM data_request WHERE state IN ('asked', 'waiting', 'unfinished')
                ORDER BY asked_at LIMIT %s""",  # noqa: S608  # a constant
            (limit,),
        )
        return await cursor.fetchall()


async def open_ones(conn: Connection) -> dict[tuple[str, str], tuple[int, float]]:
    """Return the number of open requests by kind and state, and the age of the oldest in seconds."""
    cursor = await conn.execute(
        """SELECT kind, state, count(*), extract(epoch FROM now() - min(asked_at))::float8 FROM data_request
           WHERE state IN ('asked', 'waiting', 'unfinished') GROUP BY kind, state"""
    )
    return {(kind, state): (number, age) for kind, state, number, age in await cursor.fetchall()}


async def refuse(conn: Connection, request_id: UUID, person_id: UUID) -> bool:
    """Refuse a request that waits for an approval; return whether it did."""
    cursor = await conn.execute(
        "UPDATE data_request SET state = 'refused', person_id = %s WHERE id = %s AND state = 'asked'",
        (person_id, request_id),
    )
    return bool(cursor.rowcount)


async def old_files(conn: Connection, days: float, limit: int) -> list[tuple[UUID, str]]:
    """Return requests whose files are older than so many days, with the paths of these."""
    cursor = await conn.execute(
        """SELECT id, path FROM data_request WHERE path IS NOT NULL AND done_at < now() - make_interval(secs => %s)
           LIMIT %s""",
        (days * 86_400, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def forget_file(conn: Connection, request_id: UUID) -> None:
    """Note that the file of a request is deleted."""
    await conn.execute("UPDATE data_request SET path = NULL WHERE id = %s", (request_id,))


async def save(conn: Connection, request: DataRequest) -> None:
    """Store the progress of a leased request, and lease it for longer."""
    await conn.execute(
        f"""UPDATE data_request SET contact_id = %s, step = %s, attempts = %s, facts = %s, report = %s, path = %s,
                                    error = %s, lease_until = {_LEASE} WHERE id = %s""",  # noqa: S608  # a constant
        (
            request.contact_id, request.step, request.attempts, Jsonb(request.facts), Jsonb(request.report),
            request.path, request.error, request.id,
        ),
    )  # fmt: skip


async def renew(conn: Connection, request_id: UUID) -> None:
    """Lease a request for longer in the middle of a step."""
    await conn.execute(f"UPDATE data_request SET lease_until = {_LEASE} WHERE id = %s", (request_id,))  # noqa: S608  # a constant


async def release(conn: Connection, request_id: UUID, delay: float) -> None:
    """Give a request back, to be continued after a delay in seconds."""
    await conn.execute(
        """UPDATE data_request SET lease_until = NULL, due_at = greatest(due_at, now() + make_interval(secs => %s))
           WHERE id = %s""",
        (delay, request_id),
    )


async def end(conn: Connection, request: DataRequest) -> None:
    """End a request. One with places that were not reached is unfinished, and keeps its facts to be continued."""
    unfinished = bool(request.report.get("not_reached"))
    await conn.execute(
        """UPDATE data_request SET state = %s, facts = %s, report = %s, error = NULL, lease_until = NULL,
                                   done_at = now() WHERE id = %s""",
        (
            "unfinished" if unfinished else "done", Jsonb(request.facts if unfinished else {}), Jsonb(request.report),
            request.id,
        ),
    )  # fmt: skip


async def next_due(conn: Connection) -> float | None:
    """Return the seconds until a request is due; None: none waits."""
    cursor = await conn.execute(
        """SELECT extract(epoch FROM min(greatest(due_at, lease_until)) - now())::float8 FROM data_request
           WHERE state = 'waiting'"""
    )
    row = await cursor.fetchone()
    return max(0.0, row[0]) if row and row[0] is not None else None


async def purge(conn: Connection, days: float, limit: int) -> int:
    """Delete requests that ended, or that nobody approved, so many days ago, at most so many; return their number."""
    cursor = await conn.execute(
        """DELETE FROM data_request WHERE id IN (
               SELECT id FROM data_request WHERE path IS NULL AND state <> 'waiting'
                 AND coalesce(done_at, asked_at) < now() - make_interval(secs => %s) LIMIT %s)""",
        (days * 86_400, limit),
    )
    return cursor.rowcount
