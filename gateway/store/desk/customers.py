"""The customer of a conversation as people see them, and what lists can be narrowed down to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.customers.contacts import identity_of
from gateway.store.database import Connection
from gateway.store.people.people import Person


@dataclass(slots=True)
class Customer:
    """A customer. keys: JSON objects `kind, value, doubt, since, until`, the newest first.

    marketing: the customer's last word on marketing messages, `stop`, `resume` or `signup`.
    """

    id: UUID
    name: str | None
    marketing: str | None
    marketing_at: datetime | None
    created_at: datetime
    keys: list[dict[str, Any]] = field(default_factory=list)

    @property
    def numbers(self) -> list[dict[str, Any]]:
        """The numbers that they have."""
        return [key for key in self.keys if key["kind"] == "wa_id"]


async def find(conn: Connection, contact_id: UUID) -> Customer | None:
    """Return a customer with all keys."""
    async with conn.cursor(row_factory=class_row(Customer)) as cursor:
        await cursor.execute(
            """SELECT k.id, k.name, k.marketing, k.marketing_at, k.created_at,
                      coalesce((SELECT jsonb_agg(jsonb_build_object('kind', y.kind, 'value', y.value, 'doubt', y.doubt,
                                                                    'since', y.since, 'until', y.until)
                                                 ORDER BY y.since DESC, y.value)
                                FROM contact_key y WHERE y.contact_id = k.id), '[]') AS keys
               FROM contact k WHERE k.id = %s""",
            (contact_id,),
        )
        return await cursor.fetchone()


async def identity(conn: Connection, contact_id: UUID) -> dict[str, Any]:
    """Return who a customer is in the words of the run contract: `customer_id`, `customer_keys`, `verification`."""
    who = await identity_of(conn, contact_id)
    present = [{"kind": key.kind, "value": key.value, "since": since.isoformat()} for key, since in who.present]
    former = [{"kind": key.kind, "value": key.value} for key in who.former]
    return {
        "customer_id": str(contact_id),
        "customer_keys": [*present, *former],
        "verification": who.verification,
    }


async def numbers(conn: Connection, contact_ids: list[UUID]) -> dict[UUID, str]:
    """Return a number of each customer who has one."""
    cursor = await conn.execute(
        """SELECT DISTINCT ON (contact_id) contact_id, value FROM contact_key
           WHERE contact_id = ANY(%s) AND kind = 'wa_id' ORDER BY contact_id, since DESC""",
        (contact_ids,),
    )
    return dict(await cursor.fetchall())


async def channels(conn: Connection) -> list[str]:
    """Return the numbers of ours that have conversations."""
    cursor = await conn.execute(
        """WITH RECURSIVE one AS (
               (SELECT channel_id FROM conversation ORDER BY channel_id LIMIT 1)
               UNION ALL
               SELECT (SELECT channel_id FROM conversation WHERE channel_id > one.channel_id
                       ORDER BY channel_id LIMIT 1) FROM one WHERE one.channel_id IS NOT NULL)
           SELECT channel_id FROM one WHERE channel_id IS NOT NULL"""
    )
    return [row[0] for row in await cursor.fetchall()]


async def departments(conn: Connection, person: Person) -> list[str]:
    """Return the departments that people belong to or that conversations with people have, as far as a person sees."""
    cursor = await conn.execute(
        """SELECT DISTINCT name FROM (
               SELECT unnest(departments) AS name FROM person WHERE disabled_at IS NULL
               UNION SELECT department FROM conversation WHERE state IN ('waiting', 'taken', 'snoozed')) d
           WHERE name IS NOT NULL ORDER BY name"""
    )
    return [row[0] for row in await cursor.fetchall() if person.sees(row[0])]
