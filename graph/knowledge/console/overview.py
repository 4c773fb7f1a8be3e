"""The texts as a list for people, narrowed down to what they look for; and the passages of a version."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from graph.knowledge.data import Kind, Passage
from graph.server.postgres import LoopPool, persistent

LIST_LIMIT = 200
Standing = Literal["draft", "published", "scheduled", "expired", "retired"]
# A source as its newest version says it, a draft before the others; `state` is that of the version that customers get.
ROWS = """SELECT source_id, kind, origin, title, department, channel_id, owner, valid_until, written_at, state,
        state <> 'draft' AND has_draft AS changed FROM (
    SELECT DISTINCT ON (v.source_id) v.source_id, s.kind, s.origin, v.title, v.wordings, v.content, v.department,
        v.channel_id, v.owner, v.written_at, v.state = 'draft' AS has_draft, coalesce(l.valid_until, v.valid_until)
        AS valid_until, CASE WHEN l.id IS NULL AND v.state = 'draft' THEN 'draft' WHEN l.id IS NULL THEN 'retired'
            WHEN l.valid_until <= now() THEN 'expired' WHEN l.valid_from > now() THEN 'scheduled'
            ELSE 'published' END AS state
    FROM knowledge.version v JOIN knowledge.source s ON s.id = v.source_id
    LEFT JOIN knowledge.version l ON l.source_id = v.source_id AND l.state = 'published'
    ORDER BY v.source_id, v.state = 'draft' DESC, v.number DESC) newest
    WHERE strpos(lower(public.unaccent(concat_ws(' ', title, array_to_string(wordings, ' '), content))),
                 lower(public.unaccent(%(words)s))) > 0
      AND (%(state)s = '' OR state = %(state)s OR %(state)s = 'draft' AND has_draft)
      AND (%(kind)s = '' OR kind = %(kind)s)
      AND (%(department)s = '' OR department = %(department)s)
      AND (%(owner)s = '' OR owner = %(owner)s)
    ORDER BY written_at DESC, source_id LIMIT %(limit)s"""
PLACES = """SELECT coalesce(array_agg(DISTINCT owner ORDER BY owner) FILTER (WHERE owner <> ''), '{}') AS owners,
    coalesce(array_agg(DISTINCT department ORDER BY department) FILTER (WHERE department IS NOT NULL), '{}')
    AS departments FROM knowledge.version WHERE state <> 'retired'"""
PASSAGES = """SELECT p.title, p.wordings, p.body FROM knowledge.passage p
    JOIN knowledge.version v ON v.id = p.version_id WHERE v.source_id = %s AND v.number = %s ORDER BY p.position"""


class Wanted(BaseModel):
    """The texts that a person looks for; an empty value narrows nothing down."""

    words: str = Field("", max_length=200)
    state: Literal["", "draft", "published", "scheduled", "expired", "retired"] = ""
    kind: Literal["", "qa", "markdown", "pdf", "docx", "web"] = ""
    department: str = Field("", max_length=63)
    owner: str = Field("", max_length=200)


class Row(BaseModel):
    """A source in the list. changed: a draft waits to take the place of the version that customers get."""

    source_id: UUID
    kind: Kind
    origin: str | None
    title: str
    department: str | None
    channel_id: str | None
    owner: str
    valid_until: datetime | None
    written_at: datetime
    state: Standing
    changed: bool


class Rows(BaseModel):
    """The list; more: it goes on."""

    rows: list[Row]
    more: bool


class Places(BaseModel):
    """The owners and departments that texts name."""

    owners: list[str]
    departments: list[str]


class Overview:
    """The sources in `pool`. All methods raise psycopg.OperationalError while Postgres is unavailable."""

    def __init__(self, pool: LoopPool) -> None:
        self._pool = pool

    @persistent
    async def rows(self, wanted: Wanted) -> Rows:
        """Return the sources that a person looks for, the last written first."""
        async with (await self._pool.get()).connection() as connection:
            asked = await connection.execute(ROWS, wanted.model_dump() | {"limit": LIST_LIMIT + 1})
            found = await asked.fetchall()
        rows = [Row.model_validate(row) for row in found[:LIST_LIMIT]]
        return Rows(rows=rows, more=len(found) > LIST_LIMIT)

    @persistent
    async def places(self) -> Places:
        """Return the values by which the list can be narrowed down."""
        async with (await self._pool.get()).connection() as connection:
            return Places.model_validate(await (await connection.execute(PLACES)).fetchone())

    @persistent
    async def passages(self, source_id: UUID, number: int) -> list[Passage]:
        """Return the passages of a version, in order; none if it does not exist."""
        async with (await self._pool.get()).connection() as connection:
            rows = await connection.execute(PASSAGES, [source_id, number])
            return [Passage.model_validate(row) for row in await rows.fetchall()]
