"""The length of the queues, and the age of their oldest entries."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Backlog:
    """Entries of each queue, and the age of the oldest one in seconds."""

    events: int
    events_age: float
    due: int
    due_age: float
    queued: int
    queued_age: float
    uncertain: int


async def count(conn: Connection) -> Backlog:
    """Return the length and age of the three queues."""
    async with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        await cursor.execute(
            """SELECT * FROM
                 (SELECT count(*) AS events,
                         coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS events_age
                  FROM event WHERE state = 'new' AND (due_at IS NULL OR due_at <= now())) e,
                 (SELECT count(*) AS due, coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS due_age
                  FROM conversation WHERE due_at <= now() AND holder = 'agent'
                    AND (lease_until IS NULL OR lease_until < now())) d,
                 (SELECT count(*) FILTER (WHERE status = 'queued') AS queued,
                         coalesce(extract(epoch FROM now() - min(created_at)
                             FILTER (WHERE status = 'queued')), 0)::float8 AS queued_age,
                         count(*) FILTER (WHERE status = 'uncertain') AS uncertain
                  FROM message WHERE status IN ('queued', 'uncertain')) o"""
        )
        row = await cursor.fetchone()
        if row is None:
            raise LookupError("an aggregate without a row")
        return row
