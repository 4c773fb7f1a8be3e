"""The leases under which workers hold conversations: a claim makes them (`turns.claim`), each change checks them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from gateway.store.database import Connection

#: A conversation, and the lease under which it is held.
Lease = tuple[UUID, UUID]


async def renew(conn: Connection, leases: Collection[Lease], lease_seconds: float) -> dict[Lease, bool]:
    """Renew leases without waiting for any lock; return those that are still held, and whether each is renewed.

    The conversations that are missing now belong to other workers. One that is locked is not renewed: intake locks
    many conversations at once, and to wait for them in another order would end in deadlocks.
    """
    cursor = await conn.execute(
        """WITH given AS (SELECT * FROM unnest(%s::uuid[], %s::uuid[]) AS given(id, lease)),
           free AS MATERIALIZED (
               SELECT c.id FROM conversation c JOIN given ON c.id = given.id AND c.lease_owner = given.lease
               FOR NO KEY UPDATE OF c SKIP LOCKED),
           renewed AS (
               UPDATE conversation c SET lease_until = now() + make_interval(secs => %s)
               FROM free WHERE c.id = free.id RETURNING c.id)
           SELECT c.id, c.lease_owner, c.id IN (SELECT id FROM renewed)
           FROM conversation c JOIN given ON c.id = given.id AND c.lease_owner = given.lease""",
        (*_columns(leases), lease_seconds),
    )
    return {(conversation, lease): renewed for conversation, lease, renewed in await cursor.fetchall()}


async def release(conn: Connection, leases: Collection[Lease]) -> None:
    """Give conversations back at once, so that another worker goes on with their turns."""
    await conn.execute(
        """UPDATE conversation c SET lease_owner = NULL, lease_until = NULL
           FROM unnest(%s::uuid[], %s::uuid[]) AS given(id, lease)
           WHERE c.id = given.id AND c.lease_owner = given.lease""",
        _columns(leases),
    )


def _columns(leases: Collection[Lease]) -> tuple[list[UUID], list[UUID]]:
    return [conversation for conversation, _ in leases], [lease for _, lease in leases]
