"""The conversations in which texts of the knowledge were used, and those in which a person answered instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.desk.lists import SEEN
from gateway.store.people.people import Person

_MOST_COUNTED = 1000
# As the index turn_passages has it.
_USED = """jsonb_path_exists(t.steps, '$[*].passages[*]') AND t.steps @> jsonb_build_array(jsonb_build_object(
    'passages', jsonb_build_array(jsonb_build_object('source', %(source)s::text, 'used', true))))"""


@dataclass(frozen=True, slots=True)
class Use:
    """An answer that named a passage of a text. customer_name: None where they told none."""

    conversation_id: UUID
    customer_name: str | None
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Later:
    """A turn's conversation. answer: the words in which a person answered after it; empty: nobody has."""

    turn_id: UUID
    conversation_id: UUID
    answer: str


async def count(conn: Connection, source_id: UUID) -> int:
    """Return in how many answers a text was used, as far as their turns are kept; a thousand at most."""
    cursor = await conn.execute(
        f"SELECT count(*) FROM (SELECT FROM turn t WHERE {_USED} LIMIT {_MOST_COUNTED}) used",  # noqa: S608  # constants
        {"source": str(source_id)},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def uses(conn: Connection, person: Person, source_id: UUID, limit: int) -> list[Use]:
    """Return the last answers that used a text, in conversations that a person sees."""
    async with conn.cursor(row_factory=class_row(Use)) as cursor:
        await cursor.execute(
            f"""SELECT t.conversation_id, k.name AS customer_name, coalesce(t.ended_at, t.started_at) AS used_at
                FROM turn t JOIN conversation c ON c.id = t.conversation_id JOIN contact k ON k.id = c.contact_id
                WHERE {_USED} AND {SEEN} ORDER BY t.started_at DESC LIMIT %(limit)s""",  # noqa: S608  # constants
            {"source": str(source_id), "sees": person.departments, "limit": limit},
        )
        return await cursor.fetchall()


async def later_answers(conn: Connection, person: Person, turn_ids: Collection[UUID]) -> dict[UUID, Later]:
    """Return the conversations of turns that a person sees, with the answers of people that followed, by turn.

    Such an answer ends where the customer writes again after it, where the episode ends, or after five messages.
    """
    async with conn.cursor(row_factory=class_row(Later)) as cursor:
        await cursor.execute(
            f"""SELECT t.id AS turn_id, t.conversation_id,
                       coalesce(string_agg(a.text, E'\\n' ORDER BY a.seq), '') AS answer
                FROM turn t JOIN conversation c ON c.id = t.conversation_id
                LEFT JOIN LATERAL (
                    SELECT min(m.seq) AS seq FROM message m WHERE m.conversation_id = t.conversation_id
                      AND m.direction = 'out' AND m.author IN ('person', 'app') AND m.status <> 'failed'
                      AND m.created_at > t.started_at AND m.created_at < coalesce((
                          SELECT min(e.closed_at) FROM episode e
                          WHERE e.conversation_id = t.conversation_id AND e.closed_at > t.started_at), 'infinity')
                    ) first ON true
                LEFT JOIN LATERAL (
                    SELECT m.seq, coalesce(m.content->>'text', m.content->>'caption') AS text FROM message m
                    WHERE m.conversation_id = t.conversation_id AND m.seq >= first.seq AND m.direction = 'out'
                      AND m.author IN ('person', 'app') AND m.status <> 'failed' AND m.type <> 'reaction'
                      AND NOT EXISTS (SELECT FROM message i WHERE i.conversation_id = t.conversation_id
                          AND i.direction = 'in' AND i.type <> 'reaction' AND i.seq > first.seq AND i.seq < m.seq)
                    ORDER BY m.seq LIMIT 5) a ON true
                WHERE t.id = ANY(%(turns)s) AND {SEEN} GROUP BY t.id""",  # noqa: S608  # constants
            {"turns": list(turn_ids), "sees": person.departments},
        )
        return {one.turn_id: one for one in await cursor.fetchall()}
