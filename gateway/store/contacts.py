"""Customers: an id of ours, and the keys that lead to it.

Strong keys (`wa_id`, `user_id`) lead to one customer. `old_wa_id` is a number that the customer gave up, and says
until when; `parent_user_id` may be shared. Which keys mean the same person is decided in `gateway.identity`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

STRONG = frozenset({"wa_id", "user_id"})


class Key(NamedTuple):
    """What a channel calls a customer, such as ``("wa_id", "5511987654321")``."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer to whom a key leads or led; since, until: when they were first heard of by it, and gave it up."""

    contact_id: UUID
    kind: str
    value: str
    since: datetime
    scopes: list[str]  # user ids: the accounts of ours that named it
    parents: list[str]  # the customer's parent user ids
    until: datetime | None = None


async def lock(conn: Connection, names: Sequence[str]) -> None:
    """Keep everybody else from deciding about the same keys until the transaction ends. names: any spelling of them."""
    for name in sorted(set(names)):  # one order for all, so that nobody waits in a circle
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


async def owners(conn: Connection, keys: Sequence[Key]) -> list[Owner]:
    """To whom strong keys lead, in the order of the keys. None of these customers goes away in this transaction."""
    async with conn.cursor(row_factory=class_row(Owner)) as cursor:
        await cursor.execute(
            """SELECT k.contact_id, k.kind, k.value, k.since, k.scopes,
                      ARRAY(SELECT p.value FROM contact_key p
                            WHERE p.contact_id = k.contact_id AND p.kind = 'parent_user_id') AS parents
               FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted(kind, value, place)
               JOIN contact_key k ON k.kind = wanted.kind AND k.value = wanted.value AND k.kind IN ('wa_id', 'user_id')
               JOIN contact c ON c.id = k.contact_id ORDER BY wanted.place FOR KEY SHARE OF c""",
            ([key.kind for key in keys], [key.value for key in keys]),
        )
        return await cursor.fetchall()


async def owner_before(conn: Connection, numbers: Sequence[str], at: datetime) -> Owner | None:
    """Who had one of these numbers at a time, and gave it up later."""
    async with conn.cursor(row_factory=class_row(Owner)) as cursor:
        await cursor.execute(
            """SELECT k.contact_id, k.kind, k.value, k.since, k.scopes, '{}'::text[] AS parents, k.until
               FROM contact_key k JOIN contact c ON c.id = k.contact_id
               WHERE k.kind = 'old_wa_id' AND k.value = ANY(%s) AND k.until > %s ORDER BY k.until LIMIT 1
               FOR KEY SHARE OF c""",
            (list(numbers), at),
        )
        return await cursor.fetchone()


async def has_given_up(conn: Connection, contact_id: UUID, number: str) -> bool:
    """Whether a number was a customer's once."""
    cursor = await conn.execute(
        "SELECT FROM contact_key WHERE contact_id = %s AND kind = 'old_wa_id' AND value = %s", (contact_id, number)
    )
    return bool(cursor.rowcount)


async def create(conn: Connection) -> UUID:
    """A new customer, without keys."""
    cursor = await conn.execute("INSERT INTO contact DEFAULT VALUES RETURNING id")
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def learn(conn: Connection, contact_id: UUID, keys: Sequence[Key], since: datetime, scope: str) -> None:
    """Add keys to a customer; strong ones must not be another's. User ids remember which account of ours named them."""
    for key in keys:
        await conn.execute(
            """INSERT INTO contact_key AS k (contact_id, kind, value, since, scopes, created_at)
               VALUES (%s, %s, %s, %s, %s, clock_timestamp()) ON CONFLICT (contact_id, kind, value) DO UPDATE
               SET scopes = k.scopes || excluded.scopes
               WHERE NOT excluded.scopes <@ k.scopes""",
            (contact_id, key.kind, key.value, since, [scope] if key.kind == "user_id" else []),
        )  # fmt: skip


async def learn_form(conn: Connection, contact_id: UUID, form: str, number: str, since: datetime) -> None:
    """Add what Meta calls a customer's number by; it is given up together with that number."""
    await conn.execute(
        """INSERT INTO contact_key (contact_id, kind, value, since, form_of, created_at)
           VALUES (%s, 'wa_id', %s, %s, %s, clock_timestamp())
           ON CONFLICT (contact_id, kind, value) DO UPDATE SET form_of = excluded.form_of""",
        (contact_id, form, since, number),
    )


async def give_up(conn: Connection, contact_id: UUID, number: str, until: datetime) -> None:
    """A number is a customer's no more, nor are its other forms: it leads to them only for what was sent before."""
    await conn.execute(
        """WITH asked AS (SELECT value, form_of FROM contact_key
                          WHERE contact_id = %(id)s AND kind = 'wa_id' AND value = %(number)s),
                gone AS (DELETE FROM contact_key k
                         WHERE k.contact_id = %(id)s AND k.kind = 'wa_id'
                           AND (k.value = %(number)s OR k.form_of = %(number)s
                                OR k.value = (SELECT form_of FROM asked) OR k.form_of = (SELECT form_of FROM asked))
                         RETURNING k.value, k.since)
           INSERT INTO contact_key AS k (contact_id, kind, value, since, until)
           SELECT %(id)s, 'old_wa_id', value, since, %(until)s FROM gone UNION ALL
           SELECT %(id)s, 'old_wa_id', %(number)s, %(until)s, %(until)s
           WHERE NOT EXISTS (SELECT FROM gone WHERE value = %(number)s)
           ON CONFLICT (contact_id, kind, value) DO UPDATE SET until = greatest(k.until, excluded.until)""",
        {"id": contact_id, "number": number, "until": until},
    )


async def user_ids(conn: Connection, contact_id: UUID, scope: str, before: datetime | None = None) -> set[str]:
    """The business-scoped ids by which an account of ours has heard of a customer (before a time)."""
    cursor = await conn.execute(
        """SELECT value FROM contact_key WHERE contact_id = %s AND kind = 'user_id' AND %s = ANY(scopes)
           AND since < coalesce(%s, 'infinity'::timestamptz)""",
        (contact_id, scope, before),
    )
    return {row[0] for row in await cursor.fetchall()}


async def rename(conn: Connection, contact_id: UUID, name: str | None) -> None:
    """Note what a customer is called now; None: not said."""
    if name:
        await conn.execute(
            "UPDATE contact SET name = %s WHERE id = %s AND name IS DISTINCT FROM %s", (name, contact_id, name)
        )


async def name_first(conn: Connection, contact_id: UUID, name: str) -> None:
    """Note a customer's name where none is known."""
    await conn.execute("UPDATE contact SET name = %s WHERE id = %s AND name IS NULL", (name, contact_id))


async def keys_of(conn: Connection, contact_id: UUID) -> list[Key]:
    """All keys of a customer, oldest first."""
    cursor = await conn.execute(
        "SELECT kind, value FROM contact_key WHERE contact_id = %s ORDER BY since, created_at, kind, value",
        (contact_id,),
    )
    return [Key(*row) for row in await cursor.fetchall()]


async def keys_of_all(conn: Connection, contact_ids: Collection[UUID]) -> dict[UUID, list[Key]]:
    """All keys of several customers, oldest first, in one question."""
    cursor = await conn.execute(
        """SELECT contact_id, kind, value FROM contact_key WHERE contact_id = ANY(%s)
           ORDER BY since, created_at, kind, value""",
        (list(contact_ids),),
    )
    found: dict[UUID, list[Key]] = {contact_id: [] for contact_id in contact_ids}
    for contact_id, kind, value in await cursor.fetchall():
        found[contact_id].append(Key(kind, value))
    return found


async def former_ids(conn: Connection, contact_id: UUID) -> list[Key]:
    """Our ids of the contacts that became part of this one, as keys: what others keep may still be under them."""
    cursor = await conn.execute(
        "SELECT absorbed_id FROM contact_merge WHERE kept_id = %s ORDER BY merged_at, absorbed_id", (contact_id,)
    )
    return [Key("former_id", str(row[0])) for row in await cursor.fetchall()]


async def set_marketing(conn: Connection, contact_id: UUID, word: str, at: datetime) -> None:
    """Keep the customer's word on marketing (`stop`, `resume`, `signup`), unless a later one is known."""
    await conn.execute(
        """UPDATE contact SET marketing = %s, marketing_at = %s
           WHERE id = %s AND (marketing_at IS NULL OR marketing_at <= %s)""",
        (word, at, contact_id, at),
    )


async def wants_no_marketing(conn: Connection, contact_id: UUID) -> bool:
    """Whether the customer's last word on marketing is `stop`."""
    cursor = await conn.execute("SELECT FROM contact WHERE id = %s AND marketing = 'stop'", (contact_id,))
    return bool(cursor.rowcount)


async def current_id(conn: Connection, contact_id: UUID) -> UUID:
    """The id of a customer today: what a merged contact was merged into, else the same."""
    cursor = await conn.execute("SELECT kept_id FROM contact_merge WHERE absorbed_id = %s", (contact_id,))
    row = await cursor.fetchone()
    return row[0] if row else contact_id
