"""Customers: an id of ours, and the keys that lead to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from gateway.store.database import Connection


class Key(NamedTuple):
    """What a channel calls a customer, such as ``("wa_id", "5511987654321")``."""

    kind: str
    value: str


async def contact_for(conn: Connection, keys: Sequence[Key], name: str | None) -> UUID:
    """The customer whom any of these keys names, made when there is none; all keys lead to it afterwards."""
    contact_id = await _find(conn, keys) or await _create(conn, keys)
    if name:
        await conn.execute(
            "UPDATE contact SET name = %s WHERE id = %s AND name IS DISTINCT FROM %s", (name, contact_id, name)
        )
    return contact_id


async def keys_of(conn: Connection, contact_id: UUID) -> list[Key]:
    """All keys of a customer, oldest first."""
    cursor = await conn.execute(
        "SELECT kind, value FROM contact_key WHERE contact_id = %s ORDER BY created_at, kind, value", (contact_id,)
    )
    return [Key(*row) for row in await cursor.fetchall()]


async def _find(conn: Connection, keys: Sequence[Key]) -> UUID | None:
    cursor = await conn.execute(
        """SELECT k.contact_id, array_agg(wanted.place ORDER BY wanted.place)
           FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted(kind, value, place)
           JOIN contact_key k USING (kind, value) GROUP BY 1 ORDER BY 2""",
        ([key.kind for key in keys], [key.value for key in keys]),
    )
    rows = await cursor.fetchall()
    if not rows:
        return None
    if sum(len(places) for _, places in rows) < len(keys):
        await _add_keys(conn, rows[0][0], keys)
    return rows[0][0]  # type: ignore[no-any-return]


async def _create(conn: Connection, keys: Sequence[Key]) -> UUID:
    cursor = await conn.execute("INSERT INTO contact DEFAULT VALUES RETURNING id")
    contact_id: UUID = (await cursor.fetchone())[0]  # type: ignore[index]
    if await _add_keys(conn, contact_id, keys[:1]):
        await _add_keys(conn, contact_id, keys[1:])
        return contact_id
    # Another worker made this customer a moment ago: the insert above waited for its commit.
    await conn.execute("DELETE FROM contact WHERE id = %s", (contact_id,))
    found = await _find(conn, keys)
    if found is None:
        raise LookupError("a customer's key exists without its customer")
    return found


async def _add_keys(conn: Connection, contact_id: UUID, keys: Sequence[Key]) -> int:
    cursor = await conn.execute(
        """INSERT INTO contact_key (kind, value, contact_id)
           SELECT kind, value, %s FROM unnest(%s::text[], %s::text[]) AS new(kind, value)
           ON CONFLICT (kind, value) DO NOTHING""",
        (contact_id, [key.kind for key in keys], [key.value for key in keys]),
    )
    return cursor.rowcount
