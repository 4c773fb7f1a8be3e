"""Episodes: the matters of a customer, from the first message until somebody closes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Episode:
    """A matter of a customer. closed_by: `person` (their name is None for the command line) or `idle`; None: open."""

    id: UUID
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    closed_by_name: str | None
    reason: str | None
    department: str | None
    satisfaction: int | None


async def of(conn: Connection, conversation_id: UUID, limit: int = 100) -> list[Episode]:
    """Return the episodes of a conversation, the newest first."""
    async with conn.cursor(row_factory=class_row(Episode)) as cursor:
        await cursor.execute(
            """SELECT e.id, e.opened_at, e.opened_by, e.closed_at, e.closed_by, p.name AS closed_by_name, e.reason,
                      e.department, e.satisfaction
               FROM episode e LEFT JOIN person p ON p.id = e.closed_by_id
               WHERE e.conversation_id = %s ORDER BY e.opened_at DESC, e.id LIMIT %s""",
            (conversation_id, limit),
        )
        return await cursor.fetchall()


async def closed_by(
    conn: Connection, conversation_id: UUID, person_id: UUID | None, *, reason: str | None, satisfaction: int | None
) -> None:
    """Note who closed the episode that this transaction closed, and why."""
    await conn.execute(
        """UPDATE episode SET closed_by = 'person', closed_by_id = %s, reason = %s, satisfaction = %s
           WHERE conversation_id = %s AND closed_at = now()""",
        (person_id, reason, satisfaction, conversation_id),
    )


async def reopen_last(conn: Connection, conversation_id: UUID) -> None:
    """Open the episode that was closed last; the caller opens its conversation in the same transaction."""
    await conn.execute(
        """UPDATE episode SET closed_at = NULL, closed_by = NULL, closed_by_id = NULL, reason = NULL,
                  satisfaction = NULL
           WHERE id = (SELECT id FROM episode WHERE conversation_id = %(id)s ORDER BY closed_at DESC LIMIT 1)
             AND NOT EXISTS (SELECT FROM episode WHERE conversation_id = %(id)s AND closed_at IS NULL)""",
        {"id": conversation_id},
    )
