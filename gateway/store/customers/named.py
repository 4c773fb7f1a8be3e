"""Customers by the names that people know them by."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from gateway.store.database import Connection


async def by_id(conn: Connection, contact_id: UUID) -> UUID | None:
    """Return the present id of a contact, also one of an absorbed contact, or one with a request that is not done."""
    cursor = await conn.execute(
        """SELECT id FROM contact WHERE id = %(id)s
           UNION ALL SELECT kept_id FROM contact_merge WHERE absorbed_id = %(id)s
           UNION ALL SELECT contact_id FROM data_request
                     WHERE contact_id = %(id)s AND state IN ('asked', 'waiting', 'unfinished') LIMIT 1""",
        {"id": contact_id},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def by_key(conn: Connection, kind: str, forms: Sequence[str]) -> UUID | None:
    """Return the contact who has one of these keys now."""
    cursor = await conn.execute(
        "SELECT contact_id FROM contact_key WHERE kind = %s AND value = ANY(%s) LIMIT 1", (kind, list(forms))
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def gave_up(conn: Connection, forms: Sequence[str]) -> UUID | None:
    """Return the contact who gave up one of these numbers last."""
    cursor = await conn.execute(
        """SELECT contact_id FROM contact_key WHERE kind = 'old_wa_id' AND value = ANY(%s)
           ORDER BY until DESC LIMIT 1""",
        (list(forms),),
    )
    row = await cursor.fetchone()
    return row[0] if row else None
