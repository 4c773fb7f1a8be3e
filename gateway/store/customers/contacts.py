"""Customers: each has an id of ours, and keys that identify them on WhatsApp.

A strong key (`wa_id`, `user_id`) identifies one customer. An `old_wa_id` is a number that the customer gave up, with
the time of giving it up; a `parent_user_id` may belong to several customers. `gateway.customers.identity` decides
which keys belong to the same person.
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
    """An identifier of a customer on WhatsApp, such as `("wa_id", "5511987654321")`."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer who has, or had, a key. since: when the key was first seen; until: when the customer gave it up.

    heard_at: when somebody last wrote from the number, or from another form of it (to the day); None: never.
    """

    contact_id: UUID
    kind: str
    value: str
    since: datetime
    scopes: list[str]  # user ids: the accounts, or numbers without an account, of ours that named it
    parents: list[str]  # the customer's parent user ids
    until: datetime | None = None
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a customer has (`wa_id`) or had (`old_wa_id`), and the doubt about it, or None."""

    contact_id: UUID
    kind: str
    value: str
    doubt: str | None


class Identity(NamedTuple):
    """The keys of a customer and the trust in them; the lists are sorted, the oldest key first.

    keys: all; present: those that only this customer has now, each with the time since when; former: our ids of the
    contacts that it absorbed, as keys, because other programs may still store data under them; verification:
    `verified`, `changes_need_proof`, `stages_only` or `unverified`.
    """

    keys: list[Key]
    present: list[tuple[Key, datetime]]
    former: list[Key]
    verification: str


async def lock(conn: Connection, names: Sequence[str]) -> None:
    """Lock keys for decisions of this transaction until it ends. names: the keys in any spelling."""
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name",
        (sorted(set(names)),),  # in the same order everywhere, which prevents deadlocks
    )


async def owners(conn: Connection, keys: Sequence[Key]) -> list[Owner]:
    """Return the owners of strong keys, in the order of the keys, locked against deletion in this transaction."""
    async with conn.cursor(row_factory=class_row(Owner)) as cursor:
        await cursor.execute(
            """SELECT k.contact_id, k.kind, k.value, k.since, k.scopes,
                      ARRAY(SELECT p.value FROM contact_key p
                            WHERE p.contact_id = k.contact_id AND p.kind = 'parent_user_id') AS parents,
                      (SELECT max(h.heard_at) FROM contact_key h
                       WHERE h.contact_id = k.contact_id AND h.kind = 'wa_id'
                         AND (h.value = ANY(%(values)s) OR h.value = k.value OR h.form_of = k.value
                              OR h.value = k.form_of OR h.form_of = k.form_of)) AS heard_at
               FROM unnest(%(kinds)s::text[], %(values)s::text[]) WITH ORDINALITY AS wanted(kind, value, place)
               JOIN contact_key k ON k.kind = wanted.kind AND k.value = wanted.value AND k.kind IN ('wa_id', 'user_id')
               JOIN contact c ON c.id = k.contact_id ORDER BY wanted.place FOR KEY SHARE OF c""",
            {"kinds": [key.kind for key in keys], "values": [key.value for key in keys]},
        )
        return await cursor.fetchall()


async def owner_before(conn: Connection, numbers: Sequence[str], at: datetime) -> Owner | None:
    """Return the customer who had one of these numbers at a time and gave it up later, or None."""
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
    """Return whether a customer has given up a number."""
    cursor = await conn.execute(
        "SELECT FROM contact_key WHERE contact_id = %s AND kind = 'old_wa_id' AND value = %s", (contact_id, number)
    )
    return bool(cursor.rowcount)


async def create(conn: Connection) -> UUID:
    """Create a customer without keys, and return its id."""
    cursor = await conn.execute("INSERT INTO contact DEFAULT VALUES RETURNING id")
    row = await cursor.fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def learn(
    conn: Connection,
    contact_id: UUID,
    keys: Sequence[Key],
    since: datetime,
    scopes: Sequence[str],
    *,
    doubt: str | None = None,
) -> None:
    """Add keys to a customer; a strong key must not belong to another one.

    scope: the account of ours that named them, which is stored with user ids. doubt: the doubt about numbers that are
    new to the customer.
    """
    await conn.execute(
        """INSERT INTO contact_key AS k (contact_id, kind, value, since, scopes, doubt, created_at)
           SELECT %(id)s, kind, value, %(since)s, CASE kind WHEN 'user_id' THEN %(scopes)s::text[] ELSE '{}' END,
                  CASE kind WHEN 'wa_id' THEN %(doubt)s END, clock_timestamp()
           FROM unnest(%(kinds)s::text[], %(values)s::text[]) WITH ORDINALITY AS new(kind, value, place) ORDER BY place
           ON CONFLICT (contact_id, kind, value) DO UPDATE
           SET scopes = ARRAY(SELECT DISTINCT unnest(k.scopes || excluded.scopes))
           WHERE NOT excluded.scopes <@ k.scopes""",
        {
            "id": contact_id, "since": since, "scopes": list(scopes), "doubt": doubt,
            "kinds": [key.kind for key in keys], "values": [key.value for key in keys],
        },
    )  # fmt: skip


async def heard(conn: Connection, contact_id: UUID, number: str, at: datetime) -> None:
    """Record that a customer's number sent a message."""
    await conn.execute(
        """UPDATE contact_key SET heard_at = greatest(heard_at, %s)
           WHERE contact_id = %s AND kind = 'wa_id' AND value = %s""",
        (at, contact_id, number),
    )


async def numbers(conn: Connection, contact_id: UUID, forms: Sequence[str]) -> list[Number]:
    """Return all numbers of a customer, and all entries of these forms, past or present; newest first."""
    async with conn.cursor(row_factory=class_row(Number)) as cursor:
        await cursor.execute(
            """SELECT contact_id, kind, value, doubt FROM contact_key
               WHERE (kind = 'old_wa_id' AND value = ANY(%(forms)s)) OR (kind = 'wa_id' AND value = ANY(%(forms)s))
                  OR (contact_id = %(id)s AND kind IN ('wa_id', 'old_wa_id'))
               ORDER BY since DESC, value""",
            {"id": contact_id, "forms": list(forms)},
        )
        return await cursor.fetchall()


async def doubt(conn: Connection, contact_id: UUID, forms: Sequence[str], doubt: str) -> bool:
    """Record a doubt about a customer's number, which limits the data it gives access to; return whether it is new."""
    cursor = await conn.execute(
        """UPDATE contact_key SET doubt = %(doubt)s WHERE contact_id = %(id)s AND kind = 'wa_id'
           AND value = ANY(%(forms)s) AND doubt IS DISTINCT FROM %(doubt)s""",
        {"id": contact_id, "forms": list(forms), "doubt": doubt},
    )
    return bool(cursor.rowcount)


async def end_user_id(conn: Connection, contact_id: UUID, user_id: str, until: datetime) -> None:
    """End a user id: it still identifies the customer, but is no longer among their present keys."""
    await conn.execute(
        """UPDATE contact_key SET until = coalesce(until, %s)
           WHERE contact_id = %s AND kind = 'user_id' AND value = %s""",
        (until, contact_id, user_id),
    )


async def learn_form(conn: Connection, contact_id: UUID, form: str, number: str, since: datetime) -> None:
    """Add the form in which Meta writes a customer's number; it is given up together with that number."""
    await conn.execute(
        """INSERT INTO contact_key (contact_id, kind, value, since, form_of, doubt, created_at)
           VALUES (%(id)s, 'wa_id', %(form)s, %(since)s, %(number)s,
                   (SELECT doubt FROM contact_key WHERE contact_id = %(id)s AND kind = 'wa_id' AND value = %(number)s),
                   clock_timestamp())
           ON CONFLICT (contact_id, kind, value) DO UPDATE SET form_of = excluded.form_of""",
        {"id": contact_id, "form": form, "since": since, "number": number},
    )


async def give_up(conn: Connection, contact_id: UUID, number: str, until: datetime) -> None:
    """End a customer's number and its other forms: it identifies them only for messages sent before that time."""
    await conn.execute(
        """WITH asked AS (SELECT value, form_of FROM contact_key
                          WHERE contact_id = %(id)s AND kind = 'wa_id' AND value = %(number)s),
                gone AS (DELETE FROM contact_key k
                         WHERE k.contact_id = %(id)s AND k.kind = 'wa_id'
                           AND (k.value = %(number)s OR k.form_of = %(number)s
                                OR k.value = (SELECT form_of FROM asked) OR k.form_of = (SELECT form_of FROM asked))
                         RETURNING k.value, k.since, k.doubt)
           INSERT INTO contact_key AS k (contact_id, kind, value, since, until, doubt)
           SELECT %(id)s, 'old_wa_id', value, since, %(until)s, doubt FROM gone UNION ALL
           SELECT %(id)s, 'old_wa_id', %(number)s, %(until)s, %(until)s, NULL
           WHERE NOT EXISTS (SELECT FROM gone WHERE value = %(number)s)
           ON CONFLICT (contact_id, kind, value) DO UPDATE SET until = greatest(k.until, excluded.until)""",
        {"id": contact_id, "number": number, "until": until},
    )


async def user_ids(
    conn: Connection, contact_id: UUID, scopes: Sequence[str], before: datetime | None = None
) -> set[str]:
    """Return the user ids of a customer that an account or number of ours among `scopes` has named, before a time."""
    cursor = await conn.execute(
        """SELECT value FROM contact_key WHERE contact_id = %s AND kind = 'user_id' AND scopes && %s
           AND since < coalesce(%s, 'infinity'::timestamptz)""",
        (contact_id, list(scopes), before),
    )
    return {row[0] for row in await cursor.fetchall()}


async def hold_changes(conn: Connection, contact_id: UUID, until: datetime) -> None:
    """Require a proof of identity for changes by a customer until a time."""
    await conn.execute(
        "UPDATE contact SET changes_held_until = greatest(changes_held_until, %s) WHERE id = %s", (until, contact_id)
    )


async def rename(conn: Connection, contact_id: UUID, name: str | None, user_name: str | None, at: datetime) -> None:
    """Store a customer's names as of a time, unless names or messages of a later time are known.

    None: the payload has none, and the one that is known stays.
    """
    if name or user_name:
        await conn.execute(
            """UPDATE contact SET name = coalesce(%(name)s, name), user_name = coalesce(%(user_name)s, user_name),
                                  named_at = %(at)s
               WHERE id = %(id)s AND (name, user_name) IS DISTINCT FROM
                     (coalesce(%(name)s, name), coalesce(%(user_name)s, user_name))
                 AND (coalesce(name, user_name) IS NULL OR %(at)s >= coalesce(greatest(named_at, (
                         SELECT max(v.last_inbound_at) FROM conversation v WHERE v.contact_id = contact.id)),
                         '-infinity'))""",
            {"id": contact_id, "name": name or None, "user_name": user_name or None, "at": at},
        )


async def name_first(conn: Connection, contact_id: UUID, name: str) -> None:
    """Store a customer's name unless one is known."""
    await conn.execute("UPDATE contact SET name = %s WHERE id = %s AND name IS NULL", (name, contact_id))


async def keys_of(conn: Connection, contact_id: UUID) -> list[Key]:
    """Return all keys of a customer, oldest first."""
    return (await keys_of_all(conn, [contact_id]))[contact_id]


async def keys_of_all(conn: Connection, contact_ids: Collection[UUID]) -> dict[UUID, list[Key]]:
    """Return all keys of several customers, oldest first, by one query."""
    cursor = await conn.execute(
        """SELECT contact_id, kind, value FROM contact_key WHERE contact_id = ANY(%s)
           ORDER BY since, created_at, kind, value""",
        (list(contact_ids),),
    )
    found: dict[UUID, list[Key]] = {contact_id: [] for contact_id in contact_ids}
    for contact_id, kind, value in await cursor.fetchall():
        found[contact_id].append(Key(kind, value))
    return found


async def identity_of(conn: Connection, contact_id: UUID) -> Identity:
    """Return a customer's keys and the trust in them, by one query; without keys where the customer does not exist."""
    cursor = await conn.execute(
        """SELECT k.kind, k.value, k.since, k.until IS NULL AND k.kind IN ('wa_id', 'user_id') AS present,
                  CASE k.kind WHEN 'wa_id' THEN k.doubt END AS doubt, p.changes_held_until > now() AS held,
                  ARRAY(SELECT absorbed_id FROM contact_merge WHERE kept_id = p.id ORDER BY merged_at, absorbed_id)
           FROM contact p LEFT JOIN contact_key k ON k.contact_id = p.id
           WHERE p.id = %s ORDER BY k.since, k.created_at, k.kind, k.value""",
        (contact_id,),
    )
    rows = await cursor.fetchall()
    known = [(Key(kind, value), since, present) for kind, value, since, present, *_ in rows if kind]
    former = [Key("former_id", str(absorbed)) for absorbed in (rows[0][6] if rows else [])]
    # By their names: unverified is more than stages_only.
    worst = max((row[4] for row in rows if row[4]), default=None)
    held = bool(rows and rows[0][5])
    return Identity(
        keys=[key for key, _, _ in known],
        present=[(key, since) for key, since, present in known if present],
        former=former,
        verification=worst or ("changes_need_proof" if held else "verified"),
    )


async def trust(conn: Connection, contact_id: UUID, numbers: Sequence[str]) -> None:
    """Note that a customer proved these numbers to be theirs: nothing is in doubt any more."""
    await conn.execute(
        "UPDATE contact_key SET doubt = NULL WHERE contact_id = %s AND kind = 'wa_id' AND value = ANY(%s)",
        (contact_id, list(numbers)),
    )
    await conn.execute("UPDATE contact SET changes_held_until = NULL WHERE id = %s", (contact_id,))


async def current_id(conn: Connection, contact_id: UUID) -> UUID:
    """Return the present id of a customer: the id of the contact that absorbed theirs, else the same id."""
    cursor = await conn.execute("SELECT kept_id FROM contact_merge WHERE absorbed_id = %s", (contact_id,))
    row = await cursor.fetchone()
    return row[0] if row else contact_id
