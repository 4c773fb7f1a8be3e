"""The word of people about answers of the agent: good or bad, and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Mark:
    """The last word about the answer of a turn. person_name: None if the person is gone."""

    turn_id: UUID
    good: bool
    reason: str
    person_name: str | None
    marked_at: datetime


async def marks(conn: Connection, turn_ids: Collection[UUID]) -> dict[UUID, Mark]:
    """Return what people said about the answers of turns, by the turn's id."""
    if not turn_ids:
        return {}
    async with conn.cursor(row_factory=class_row(Mark)) as cursor:
        await cursor.execute(
            """SELECT a.turn_id, a.good, a.reason, p.name AS person_name, a.marked_at
               FROM answer_mark a LEFT JOIN person p ON p.id = a.person_id WHERE a.turn_id = ANY(%s)""",
            (list(turn_ids),),
        )
        return {mark.turn_id: mark for mark in await cursor.fetchall()}


async def mark(
    conn: Connection, conversation_id: UUID, turn_id: UUID, person_id: UUID, reason: str, *, good: bool
) -> bool:
    """Keep a person's word about an answer in a conversation; return whether there is such an answer of the agent."""
    cursor = await conn.execute(
        """INSERT INTO answer_mark (turn_id, person_id, good, reason)
           SELECT t.id, %(person)s, %(good)s, %(reason)s FROM turn t
           WHERE t.id = %(turn)s AND t.conversation_id = %(conversation)s AND EXISTS (
               SELECT FROM message m WHERE m.turn_id = t.id AND m.direction = 'out' AND m.author = 'agent')
           ON CONFLICT (turn_id) DO UPDATE SET person_id = excluded.person_id, good = excluded.good,
               reason = excluded.reason, marked_at = now()""",
        {"turn": turn_id, "conversation": conversation_id, "person": person_id, "good": good, "reason": reason},
    )
    return bool(cursor.rowcount)


async def question(conn: Connection, turn_id: UUID) -> str:
    """Return the words of the customer that a turn answered; empty where they had none."""
    cursor = await conn.execute(
        """SELECT coalesce(content->>'text', '') FROM message
           WHERE turn_id = %s AND direction = 'in' AND revoked_at IS NULL ORDER BY seq""",
        (turn_id,),
    )
    return "\n".join(text for (text,) in await cursor.fetchall() if text.strip())
