"""The SQL by which everything about one customer is deleted, in batches that may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from gateway.store.database import Connection

#: The error of a turn that an erasure ended.
ERASED = "its customer was erased"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the customer. until: of a number that was given up, when."""

    kind: str
    value: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Everything by which stores know a customer.

    contacts: our ids, those of absorbed contacts too; threads: ids of conversations, those of absorbed ones too.
    """

    keys: list[Key]
    contacts: list[UUID]
    threads: list[UUID]


async def person(conn: Connection, contact_id: UUID) -> Person | None:
    """Return a customer's keys and ids; lock the contact and its conversations. None: the contact does not exist."""
    found = await conn.execute("SELECT FROM contact WHERE id = %s FOR UPDATE", (contact_id,))
    if not found.rowcount:
        return None
    keys = await conn.execute("SELECT kind, value, until FROM contact_key WHERE contact_id = %s", (contact_id,))
    own = await conn.execute("SELECT id FROM conversation WHERE contact_id = %s ORDER BY id FOR UPDATE", (contact_id,))
    merged = await conn.execute(
        """SELECT absorbed_id, ARRAY(SELECT (j->>'absorbed')::uuid FROM jsonb_array_elements(conversations) j)
           FROM contact_merge WHERE kept_id = %s""",
        (contact_id,),
    )
    absorbed = await merged.fetchall()
    threads = [row[0] for row in await own.fetchall()] + [one for _, ids in absorbed for one in ids]
    return Person(
        [Key(kind, value, until if kind == "old_wa_id" else None) for kind, value, until in await keys.fetchall()],
        [contact_id, *(row[0] for row in absorbed)],
        list(dict.fromkeys(threads)),
    )


async def detach(conn: Connection, contact_id: UUID) -> None:
    """Take all keys from a customer and end the work on their messages: a later message is a new customer's."""
    mine: LiteralString = "conversation_id IN (SELECT id FROM conversation WHERE contact_id = %s)"
    for statement in (
        "DELETE FROM contact_key WHERE contact_id = %s",
        "UPDATE conversation SET due_at = NULL, lease_owner = NULL, lease_until = NULL WHERE contact_id = %s",
        f"UPDATE turn SET state = 'failed', ended_at = now(), error = '{ERASED}' WHERE state = 'open' AND {mine}",  # noqa: S608  # constants
        f"UPDATE message SET awaits = false WHERE awaits AND {mine}",  # noqa: S608  # constants
        f"UPDATE message SET status = 'failed', error = '{ERASED}' WHERE status = 'queued' AND {mine}",  # noqa: S608  # constants
    ):
        await conn.execute(statement, (contact_id,))


async def files(conn: Connection, threads: Sequence[UUID], limit: int) -> list[tuple[UUID, str]]:
    """Return ids and paths of files, sent and attached, that the object store may still hold; stop fetching others."""
    await conn.execute(
        """UPDATE media SET status = 'failed', lease_until = NULL, settled_at = now() WHERE status = 'pending'
           AND message_id IN (SELECT id FROM message WHERE conversation_id = ANY(%s))""",
        (list(threads),),
    )
    cursor = await conn.execute(
        """SELECT d.id, d.path FROM media d JOIN message m ON m.id = d.message_id
           WHERE m.conversation_id = ANY(%(threads)s) AND d.path IS NOT NULL
           UNION ALL SELECT id, path FROM upload WHERE conversation_id = ANY(%(threads)s) LIMIT %(limit)s""",
        {"threads": list(threads), "limit": limit},
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def forget_files(conn: Connection, ids: Sequence[UUID]) -> None:
    """Note that files, sent or attached, are deleted."""
    await conn.execute("UPDATE media SET path = NULL WHERE id = ANY(%s)", (list(ids),))
    await conn.execute("DELETE FROM upload WHERE id = ANY(%s)", (list(ids),))


async def archives(conn: Connection, contacts: Sequence[UUID]) -> list[UUID]:
    """Return exports about a customer whose files the object store may hold; those that wait are not begun any more."""
    cursor = await conn.execute(
        """WITH stopped AS (
               UPDATE data_request SET state = 'refused', done_at = now(), lease_until = NULL
               WHERE kind = 'export' AND contact_id = ANY(%(contacts)s) AND state IN ('asked', 'waiting', 'unfinished'))
           SELECT id FROM data_request
           WHERE kind = 'export' AND contact_id = ANY(%(contacts)s) AND (path IS NOT NULL OR done_at IS NULL)""",
        {"contacts": list(contacts)},
    )
    return [row[0] for row in await cursor.fetchall()]


async def is_erased(conn: Connection, contact_id: UUID) -> bool:
    """Return whether a customer is gone, or the erasure of their data has begun."""
    cursor = await conn.execute(
        """SELECT NOT EXISTS (SELECT FROM contact WHERE id = %(id)s) OR EXISTS (
               SELECT FROM data_request WHERE contact_id = %(id)s AND kind = 'erase' AND facts ? 'erased_at')""",
        {"id": contact_id},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def messages(conn: Connection, threads: Sequence[UUID], limit: int) -> tuple[int, int]:
    """Delete messages with their media and the webhook items that brought them or told of them; return both numbers."""
    async with conn.transaction():
        cursor = await conn.execute(
            """WITH gone AS MATERIALIZED (
                   SELECT id FROM message WHERE conversation_id = ANY(%(threads)s) LIMIT %(limit)s FOR UPDATE),
               freed AS (UPDATE message SET replaces = NULL WHERE replaces IN (SELECT id FROM gone)
                           AND id NOT IN (SELECT id FROM gone))
               DELETE FROM message WHERE id IN (SELECT id FROM gone) RETURNING wamid""",
            {"threads": list(threads), "limit": limit},
        )
        wamids = [row[0] for row in await cursor.fetchall()]
        events = await conn.execute(
            """DELETE FROM event WHERE key IN (
                   SELECT before || wamid || after FROM unnest(%s::text[]) wamid,
                     (VALUES ('msg:', ''), ('echo:', ''), ('standby:msg:', ''), ('standby:echo:', ''),
                             ('st:', ':sent'), ('st:', ':delivered'), ('st:', ':read'), ('st:', ':played'),
                             ('st:', ':failed')) form(before, after) WHERE wamid IS NOT NULL)""",
            (wamids,),
        )
    return len(wamids), events.rowcount


async def rest(conn: Connection, contacts: Sequence[UUID], threads: Sequence[UUID], values: Sequence[str]) -> None:
    """Delete the rows that are left, in one transaction. values: numbers and user ids, for reports about groups."""
    given = {"contacts": list(contacts), "threads": list(threads), "values": list(values)}
    async with conn.transaction():
        await conn.execute("SELECT FROM contact WHERE id = ANY(%(contacts)s) FOR UPDATE", given)
        for statement in _REST:
            await conn.execute(statement, given)


_REST = (
    "DELETE FROM media WHERE message_id IN (SELECT id FROM message WHERE conversation_id = ANY(%(threads)s))",
    "DELETE FROM message WHERE conversation_id = ANY(%(threads)s)",
    "DELETE FROM turn WHERE conversation_id = ANY(%(threads)s)",
    # Notes, drafts, attachments, tags, episodes, read marks and views go with their conversation.
    "DELETE FROM conversation WHERE id = ANY(%(threads)s) OR contact_id = ANY(%(contacts)s)",
    "DELETE FROM change WHERE conversation_id = ANY(%(threads)s) AND kind <> 'gone'",
    "DELETE FROM contact_merge WHERE kept_id = ANY(%(contacts)s) OR absorbed_id = ANY(%(contacts)s)",
    """DELETE FROM account_state a WHERE EXISTS (
           SELECT FROM unnest(%(values)s::text[]) v
           WHERE a.subject = v OR position('"' || v || '"' IN a.value::text) > 0)""",
    "DELETE FROM contact WHERE id = ANY(%(contacts)s)",
)


async def limits(conn: Connection, keys: Sequence[str]) -> None:
    """Delete send rates by their keys."""
    await conn.execute("DELETE FROM send_rate WHERE key = ANY(%s)", (list(keys),))
