"""The cost ledger: by day, the price classes that Meta's statuses named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Cost:
    """Messages of one price class, number and day (UTC); category and type in Meta's words."""

    day: date
    channel_id: str
    category: str | None
    type: str | None
    billable: bool | None
    messages: int


async def ledger(conn: Connection, days: int) -> list[Cost]:
    """Return the ledger of the last days, newest first."""
    async with conn.cursor(row_factory=class_row(Cost)) as cursor:
        await cursor.execute(
            """SELECT day, channel_id, category, type, billable, messages FROM cost_ledger
               WHERE day > (now() AT TIME ZONE 'UTC')::date - %s
               ORDER BY day DESC, channel_id, category, type""",
            (days,),
        )
        return await cursor.fetchall()
