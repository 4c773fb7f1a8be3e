"""The result of the last check of each number at Meta, and the time of the next check."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from gateway.store.database import Connection


async def claim(conn: Connection, phone_number_id: str, due_in: float) -> bool:
    """Return whether a number is due to be checked; then no other worker checks it for `due_in` seconds."""
    cursor = await conn.execute(
        """INSERT INTO number_check AS n (phone_number_id, due_at) VALUES (%s, now() + make_interval(secs => %s))
           ON CONFLICT (phone_number_id) DO UPDATE SET due_at = excluded.due_at WHERE n.due_at <= now()""",
        (phone_number_id, due_in),
    )
    return bool(cursor.rowcount)


async def keep(conn: Connection, phone_number_id: str, found: dict[str, Any], due_in: float) -> None:
    """Store the result of a check, for all workers, and the time of the next one (in `due_in` seconds)."""
    await conn.execute(
        """UPDATE number_check SET found = %s, due_at = now() + make_interval(secs => %s)
           WHERE phone_number_id = %s""",
        (Jsonb(found), due_in, phone_number_id),
    )


async def known(conn: Connection, phone_number_ids: list[str]) -> list[dict[str, Any]]:
    """Return the results of the last checks of these numbers."""
    cursor = await conn.execute(
        "SELECT found FROM number_check WHERE phone_number_id = ANY(%s) AND found IS NOT NULL ORDER BY phone_number_id",
        (phone_number_ids,),
    )
    return [row[0] for row in await cursor.fetchall()]
