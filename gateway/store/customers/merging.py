"""Merge two contacts that are the same customer, and their conversations on the same number.

Rows are locked in the same order everywhere: contacts, conversations, turns, messages; within a table by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.customers.merged_desk import join_desk
from gateway.store.database import Connection
from gateway.store.ownership import silence

#: The error of a turn without a run whose messages wait for the next turn.
UNDONE = "its conversation joined another"


class TurnUnderWayError(Exception):
    """The conversation to be absorbed has a run under way, whose effects must not be repeated. Try later."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The contact that is kept, and those of its conversations that absorbed another one."""

    contact_id: UUID
    conversations: list[UUID]


@dataclass(frozen=True, slots=True)
class _Pair:
    kept: UUID
    absorbed: UUID


async def merge(conn: Connection, one: UUID, other: UUID, *, reason: str, event_id: int) -> Merged:
    """Merge two contacts and record the merge. The older contact is kept, and on each number the older conversation.

    The caller schedules the next turn of each conversation that absorbed another one (`schedule`).

    Raises:
        TurnUnderWayError: The merge is not possible now; the caller has to roll back.
    """
    cursor = await conn.execute(
        """SELECT id FROM (SELECT id, created_at FROM contact WHERE id = ANY(%s) ORDER BY id FOR UPDATE) locked
           ORDER BY created_at, id""",
        ([one, other],),
    )
    found: list[UUID] = [row[0] for row in await cursor.fetchall()]
    if len(found) < 2:  # both ids name the same contact, or the two were merged before
        return Merged(found[0], [])
    kept, absorbed = found
    pairs = await _pairs(conn, kept, absorbed)
    for pair in pairs:
        await _join(conn, pair)
    await conn.execute("UPDATE conversation SET contact_id = %s WHERE contact_id = %s", (kept, absorbed))
    await _move(conn, kept, absorbed)
    for pair in pairs:
        await silence(conn, pair.kept)
    await _record(conn, kept, absorbed, reason, event_id, pairs)
    return Merged(kept, [pair.kept for pair in pairs])


async def _pairs(conn: Connection, kept: UUID, absorbed: UUID) -> list[_Pair]:
    """Lock all conversations of both contacts; return the pairs on the same number, of which the older one is kept."""
    await conn.execute(
        "SELECT FROM conversation WHERE contact_id = ANY(%s) ORDER BY id FOR UPDATE", ([kept, absorbed],)
    )
    async with conn.cursor(row_factory=class_row(_Pair)) as cursor:
        await cursor.execute(
            """SELECT CASE WHEN o.older THEN a.id ELSE b.id END AS kept,
                      CASE WHEN o.older THEN b.id ELSE a.id END AS absorbed
               FROM conversation a JOIN conversation b USING (channel_id)
               CROSS JOIN LATERAL (SELECT (a.created_at, a.id) < (b.created_at, b.id) AS older) o
               WHERE a.contact_id = %s AND b.contact_id = %s""",
            (kept, absorbed),
        )
        return await cursor.fetchall()


async def _join(conn: Connection, pair: _Pair) -> None:
    """Move all rows into the kept conversation, whose own turn continues.

    A worker that has a lease on the absorbed conversation learns at its next change that the lease is void.
    """
    values = {"kept": pair.kept, "absorbed": pair.absorbed}
    cursor = await conn.execute(
        "SELECT id, posted_at IS NOT NULL FROM turn WHERE conversation_id = %s AND state = 'open' FOR UPDATE",
        (pair.absorbed,),
    )
    if row := await cursor.fetchone():
        if row[1]:
            raise TurnUnderWayError
        await _undo_turn(conn, row[0])
    await conn.execute("UPDATE turn SET conversation_id = %(kept)s WHERE conversation_id = %(absorbed)s", values)
    await conn.execute("UPDATE message SET conversation_id = %(kept)s WHERE conversation_id = %(absorbed)s", values)
    await join_desk(conn, pair.kept, pair.absorbed)
    await conn.execute(_JOIN, values)
    await conn.execute("DELETE FROM conversation WHERE id = %s", (pair.absorbed,))


# A person's hold has precedence, then an app's: the agent answers only if it held both conversations.
_JOIN = """
UPDATE conversation k SET
    last_inbound_at = greatest(k.last_inbound_at, o.last_inbound_at),
    control_at = greatest(k.control_at, o.control_at),
    holder = h.holder, held_since = h.held_since, held_until = h.held_until,
    handoff_reason = h.handoff_reason, handoff_summary = h.handoff_summary,
    version = greatest(k.version, o.version) + 1,
    assignee_id = h.assignee_id, snoozed_until = h.snoozed_until,
    department = coalesce(h.department, k.department, o.department),
    closed_at = CASE WHEN k.closed_at IS NOT NULL AND o.closed_at IS NOT NULL
                THEN greatest(k.closed_at, o.closed_at) END,
    waits_since = least(k.waits_since, o.waits_since),
    last_at = n.last_at, last_text = n.last_text, last_type = n.last_type, last_author = n.last_author
FROM conversation o, LATERAL (
    SELECT * FROM conversation c WHERE c.id IN (%(kept)s, %(absorbed)s)
    ORDER BY array_position(ARRAY['person', 'app', 'agent'], c.holder), c.held_until DESC NULLS FIRST, c.id
    LIMIT 1) h, LATERAL (
    SELECT * FROM conversation c WHERE c.id IN (%(kept)s, %(absorbed)s) ORDER BY c.last_at DESC, c.id LIMIT 1) n
WHERE k.id = %(kept)s AND o.id = %(absorbed)s
"""


async def _undo_turn(conn: Connection, turn_id: UUID) -> None:
    """Close a turn without a run, so that its messages wait for the next turn."""
    await conn.execute(
        """UPDATE message SET turn_id = NULL, awaits = direction = 'in' AND revoked_at IS NULL WHERE turn_id = %s""",
        (turn_id,),
    )
    await conn.execute(
        "UPDATE turn SET state = 'done', ended_at = now(), error = %s WHERE id = %s",
        (UNDONE, turn_id),
    )


async def _move(conn: Connection, kept: UUID, absorbed: UUID) -> None:
    """Move the absorbed contact's keys and preferences to the kept one, and delete the absorbed contact."""
    values = {"kept": kept, "absorbed": absorbed}
    await conn.execute(
        """DELETE FROM contact_key o USING contact_key k WHERE o.contact_id = %(absorbed)s
           AND k.contact_id = %(kept)s AND k.kind = o.kind AND k.value = o.value""",
        values,
    )
    await conn.execute("UPDATE contact_key SET contact_id = %(kept)s WHERE contact_id = %(absorbed)s", values)
    await conn.execute(
        """INSERT INTO consent (contact_id, choice, said_at, recorded_at)
           SELECT %(kept)s, choice, said_at, recorded_at FROM consent WHERE contact_id = %(absorbed)s
           ON CONFLICT DO NOTHING""",
        values,
    )
    await conn.execute("UPDATE proof_try SET contact_id = %(kept)s WHERE contact_id = %(absorbed)s", values)
    await conn.execute(
        """UPDATE contact k SET name = coalesce(k.name, o.name), user_name = coalesce(k.user_name, o.user_name),
               named_at = greatest(k.named_at, o.named_at),
               marketing = CASE WHEN o.marketing_at > coalesce(k.marketing_at, '-infinity')
                                THEN o.marketing ELSE k.marketing END,
               marketing_at = greatest(k.marketing_at, o.marketing_at),
               changes_held_until = greatest(k.changes_held_until, o.changes_held_until)
           FROM contact o WHERE k.id = %(kept)s AND o.id = %(absorbed)s""",
        values,
    )
    await conn.execute("DELETE FROM contact WHERE id = %(absorbed)s", values)


async def _record(conn: Connection, kept: UUID, absorbed: UUID, reason: str, event_id: int, pairs: list[_Pair]) -> None:
    await conn.execute("UPDATE contact_merge SET kept_id = %s WHERE kept_id = %s", (kept, absorbed))
    joined: list[dict[str, Any]] = [{"kept": str(pair.kept), "absorbed": str(pair.absorbed)} for pair in pairs]
    await conn.execute(
        """INSERT INTO contact_merge (absorbed_id, kept_id, reason, event_id, conversations)
           VALUES (%s, %s, %s, %s, %s)""",
        (absorbed, kept, reason, event_id, Jsonb(joined)),
    )
