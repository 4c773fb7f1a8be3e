"""Send rates in Postgres: by key, the theoretical arrival time (TAT) of the next message, in seconds of the epoch."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.store.database import Connection

_KEPT_SECONDS = 3600.0  # a rate that was not asked for this long limits nothing any more


def key(number: str, *parts: str) -> str:
    """Return the key of a number of ours, or of its messages to one customer, here and in Valkey."""
    # The braces place all keys of a number on one node of a Redis cluster.
    return ":".join(["whatsapp:limit", f"{{{number}}}", *parts])


async def lock(conn: Connection, first: Mapping[str, float]) -> tuple[float, dict[str, float]]:
    """Lock rates until the transaction ends; return the current time and, by key, the time of the next message.

    first: by key, in how many seconds a rate begins that has no row yet.
    """
    cursor = await conn.execute(
        """INSERT INTO send_rate AS r (key, tat)
           SELECT key, extract(epoch FROM clock_timestamp()) + ahead
           FROM unnest(%s::text[], %s::float8[]) AS f(key, ahead) ORDER BY key
           ON CONFLICT (key) DO UPDATE SET tat = r.tat
           RETURNING r.key, r.tat, extract(epoch FROM clock_timestamp())::float8""",
        (list(first), list(first.values())),
    )
    rows = await cursor.fetchall()
    return max(row[2] for row in rows), {row[0]: row[1] for row in rows}


async def put(conn: Connection, tats: Mapping[str, float]) -> None:
    """Store new times of rates that are locked."""
    await conn.execute(
        "UPDATE send_rate r SET tat = n.tat FROM unnest(%s::text[], %s::float8[]) AS n(key, tat) WHERE r.key = n.key",
        (list(tats), list(tats.values())),
    )


async def back_off(conn: Connection, key: str, *, base: float, highest: int, forget: float, tolerance: float) -> float:
    """Suspend a rate for base^n seconds at its nth refusal in a row (n is at most `highest`); return the seconds."""
    async with conn.transaction():
        await lock(conn, {key: float("-inf")})
        cursor = await conn.execute(
            """UPDATE send_rate r SET refused = n.refused, refused_until = n.now + n.wait + %(forget)s,
                      tat = greatest(r.tat, n.now + n.wait + %(tolerance)s)
               FROM (SELECT key, now, power AS refused, %(base)s::float8 ^ power AS wait
                     FROM (SELECT key, extract(epoch FROM clock_timestamp())::float8 AS now,
                                  least(CASE WHEN refused_until > extract(epoch FROM clock_timestamp())
                                        THEN refused ELSE 0 END + 1, %(highest)s) AS power
                           FROM send_rate WHERE key = %(key)s) p) n
               WHERE r.key = n.key RETURNING n.wait""",
            {"key": key, "base": base, "highest": highest, "forget": forget, "tolerance": tolerance},
        )
        row = await cursor.fetchone()
        return row[0]  # type: ignore[index,no-any-return]


async def purge(conn: Connection, limit: int) -> int:
    """Delete rates that limit nothing any more; return their number."""
    cursor = await conn.execute(
        """DELETE FROM send_rate WHERE key IN (
               SELECT key FROM send_rate WHERE greatest(tat, refused_until) < extract(epoch FROM now()) - %s
               LIMIT %s FOR UPDATE SKIP LOCKED)""",
        (_KEPT_SECONDS, limit),
    )
    return cursor.rowcount
