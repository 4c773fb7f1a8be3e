"""Two contacts that are one customer become one, and so do their conversations on the same number.

Rows are locked in the order that everybody keeps: contacts, conversations, turns, messages; among equals by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import Connection
from gateway.store.ownership import silence


class TurnUnderWayError(Exception):
    """A run answers in the conversation that is to go away: what it does must not be done again. Try later."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The contact that stays, and its conversations that took in others."""

    contact_id: UUID
    conversations: list[UUID]


@dataclass(frozen=True, slots=True)
class _Pair:
    kept: UUID
    absorbed: UUID


async def merge(conn: Connection, one: UUID, other: UUID, *, reason: str, event_id: int) -> Merged:
    """Make one contact of two and record it; the older id stays. On each number the older conversation stays.

    The caller schedules the next turns of the conversations that took in others (`schedule`).

    Raises:
        TurnUnderWayError: Nothing can be merged now; roll back.
    """
    cursor = await conn.execute(
        """SELECT id FROM (SELECT id, created_at FROM contact WHERE id = ANY(%s) ORDER BY id FOR UPDATE) locked
           ORDER BY created_at, id""",
        ([one, other],),
    )
    found: list[UUID] = [row[0] for row in await cursor.fetchall()]
    if len(found) < 2:  # the same, or merged already
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
    """Lock all conversations of both; those on the same number, the older one as the one to keep."""
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
    """Move everything into the conversation that stays. Its own turn goes on; who leases the other finds it gone."""
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
    await conn.execute(_JOIN, values)
    await conn.execute("DELETE FROM conversation WHERE id = %s", (pair.absorbed,))


# A person's hold outlives the merge, then an app's; the agent speaks only where it may in both.
_JOIN = """
UPDATE conversation k SET
    last_inbound_at = greatest(k.last_inbound_at, o.last_inbound_at),
    control_at = greatest(k.control_at, o.control_at),
    holder = h.holder, held_since = h.held_since, held_until = h.held_until,
    handoff_reason = h.handoff_reason, handoff_summary = h.handoff_summary
FROM conversation o, LATERAL (
    SELECT * FROM conversation c WHERE c.id IN (%(kept)s, %(absorbed)s)
    ORDER BY array_position(ARRAY['person', 'app', 'agent'], c.holder), c.held_until DESC NULLS FIRST, c.id
    LIMIT 1) h
WHERE k.id = %(kept)s AND o.id = %(absorbed)s
"""


async def _undo_turn(conn: Connection, turn_id: UUID) -> None:
    """Close a turn for which no run was asked; what it took waits again."""
    await conn.execute(
        """UPDATE message SET turn_id = NULL, awaits = direction = 'in' AND revoked_at IS NULL WHERE turn_id = %s""",
        (turn_id,),
    )
    await conn.execute(
        "UPDATE turn SET state = 'done', ended_at = now(), error = 'its conversation joined another' WHERE id = %s",
        (turn_id,),
    )


async def _move(conn: Connection, kept: UUID, absorbed: UUID) -> None:
    """Give the kept contact what the other had, and take the other away."""
    values = {"kept": kept, "absorbed": absorbed}
    await conn.execute(
        """DELETE FROM contact_key o USING contact_key k WHERE o.contact_id = %(absorbed)s
           AND k.contact_id = %(kept)s AND k.kind = o.kind AND k.value = o.value""",
        values,
    )
    await conn.execute("UPDATE contact_key SET contact_id = %(kept)s WHERE contact_id = %(absorbed)s", values)
    await conn.execute("UPDATE proof_try SET contact_id = %(kept)s WHERE contact_id = %(absorbed)s", values)
    await conn.execute(
        """UPDATE contact k SET name = coalesce(k.name, o.name),
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
