"""The fallback template of each number, which `work` tells the console: that has no channels and no tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import Connection

_SEEN_DAYS = 1  # after which a number without news is configured no more


@dataclass(frozen=True, slots=True)
class Fallback:
    """A template as a reply of the run contract. text: as the customer reads it; None: not known."""

    template: dict[str, Any]
    text: str | None


async def of(conn: Connection, phone_number_id: str) -> Fallback | None:
    """Return the fallback template of a number; None: it has none."""
    async with conn.cursor(row_factory=class_row(Fallback)) as cursor:
        await cursor.execute(
            """SELECT template, text FROM fallback_template
               WHERE phone_number_id = %s AND seen_at > now() - make_interval(days => %s)""",
            (phone_number_id, _SEEN_DAYS),
        )
        return await cursor.fetchone()


async def keep(conn: Connection, phone_number_id: str, fallback: Fallback | None) -> None:
    """Note the fallback template of a number; None: it has none."""
    if fallback is None:
        await conn.execute("DELETE FROM fallback_template WHERE phone_number_id = %s", (phone_number_id,))
        return
    await conn.execute(
        """INSERT INTO fallback_template AS f (phone_number_id, template, text) VALUES (%s, %s, %s)
           ON CONFLICT (phone_number_id) DO UPDATE
           SET template = excluded.template, seen_at = now(),
               text = CASE WHEN f.template = excluded.template THEN coalesce(excluded.text, f.text)
                      ELSE excluded.text END""",
        (phone_number_id, Jsonb(fallback.template), fallback.text),
    )


async def purge(conn: Connection) -> int:
    """Delete the templates of numbers without news; return how many."""
    cursor = await conn.execute(
        "DELETE FROM fallback_template WHERE seen_at < now() - make_interval(days => %s)", (_SEEN_DAYS,)
    )
    return cursor.rowcount
