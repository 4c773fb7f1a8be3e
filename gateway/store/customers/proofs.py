"""Tries to prove to be the customer of an order: so many a day a customer, and so many a day an order."""

from __future__ import annotations

import hashlib
import unicodedata
from uuid import UUID

from gateway.store.database import Connection

TRIES = 3
_DAY = "interval '1 day'"


async def take(conn: Connection, contact_id: UUID, order: str) -> int | None:
    """Take one of the day's tries, in the caller's transaction. Return how many are left; None: none was left.

    Whose order it is, and whether there is one, makes no difference, nor do spaces, dots and the like in its number.
    """
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", order)))
    name = hashlib.sha256(letters.upper().encode()).digest()
    for lock in sorted((str(contact_id), name.hex())):  # one at a time for a customer, and for an order
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (lock,))
    cursor = await conn.execute(
        f"""SELECT count(*) FILTER (WHERE contact_id = %(contact)s), count(*) FILTER (WHERE order_hash = %(order)s)
            FROM proof_try WHERE tried_at > now() - {_DAY} AND (contact_id = %(contact)s OR order_hash = %(order)s)""",  # noqa: S608  # a constant
        {"contact": contact_id, "order": name},
    )
    row = await cursor.fetchone()
    made = max(row or (0,))
    if made >= TRIES:
        return None
    await conn.execute("INSERT INTO proof_try (contact_id, order_hash) VALUES (%s, %s)", (contact_id, name))
    return int(TRIES - made - 1)


async def purge(conn: Connection) -> None:
    """Delete the tries that no limit counts any more."""
    await conn.execute(f"DELETE FROM proof_try WHERE tried_at < now() - {_DAY}")  # noqa: S608  # a constant
