"""Questions that got no answer, in groups that ask the same: by meaning where there are vectors, and by letters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from graph.knowledge.unanswered import Question, Reason
from graph.knowledge.vectors import Vectors, literal
from graph.server.postgres import LoopPool, persistent

ALIKE_IN_MEANING = 0.75  # similarity of the vectors of two questions that ask the same
ALIKE_IN_LETTERS = 0.45  # the same of their trigrams
BY_LETTERS = """SELECT a.place - 1 AS one, b.place - 1 AS other
    FROM unnest(%(texts)s::text[]) WITH ORDINALITY a (text, place)
    JOIN unnest(%(texts)s::text[]) WITH ORDINALITY b (text, place) ON a.place < b.place
    WHERE public.similarity(public.unaccent(a.text), public.unaccent(b.text)) >= %(alike)s"""
BY_MEANING = """SELECT a.place - 1 AS one, b.place - 1 AS other
    FROM unnest(%(texts)s::text[]) WITH ORDINALITY a (text, place)
    JOIN unnest(%(texts)s::text[]) WITH ORDINALITY b (text, place) ON a.place < b.place
    WHERE 1 - (a.text::public.halfvec OPERATOR(public.<=>) b.text::public.halfvec) >= %(alike)s"""


class Asked(BaseModel):
    """One time that a question was asked. turn_id: the gateway's turn; note: of a person about the answer."""

    id: int
    turn_id: str
    reason: Reason
    note: str
    asked_at: datetime


class Group(BaseModel):
    """Questions that ask the same. question: the newest wording; wordings: the others; source_id: a draft for it."""

    question: str
    wordings: list[str]
    department: str | None
    channel_id: str | None
    source_id: UUID | None
    asked: list[Asked]


class Grouping:
    """Groups questions by means of the database in `pool`."""

    def __init__(self, pool: LoopPool, vectors: Vectors) -> None:
        self._pool = pool
        self._vectors = vectors

    async def groups(self, questions: Sequence[Question]) -> list[Group]:
        """Return the groups of questions, given the newest first; those that were asked most often come first."""
        texts = list(dict.fromkeys(one.question for one in questions))
        pairs = await self._alike(BY_LETTERS, texts, ALIKE_IN_LETTERS)
        if vectors := await self._vectors.of_texts(texts):
            pairs |= await self._alike(BY_MEANING, [literal(one) for one in vectors], ALIKE_IN_MEANING)
        found = [_group([texts[place] for place in places], questions) for places in joined(len(texts), pairs)]
        return sorted(found, key=lambda one: -len(one.asked))

    @persistent
    async def _alike(self, sql: str, texts: Sequence[str], alike: float) -> set[tuple[int, int]]:
        """Return the places of texts that are alike, two by two."""
        async with (await self._pool.get()).connection() as connection:
            rows = await connection.execute(sql.encode(), {"texts": list(texts), "alike": alike})
            return {(row["one"], row["other"]) for row in await rows.fetchall()}


def joined(count: int, pairs: Collection[tuple[int, int]]) -> list[list[int]]:
    """Return the places 0 to count - 1 in groups: each place is with the first one that it is like.

    Groups do not join along chains, so that all of a group are like its first one.
    """
    groups: list[list[int]] = []
    for place in range(count):
        group = next((one for one in groups if (one[0], place) in pairs), None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return groups


def _group(texts: Sequence[str], questions: Sequence[Question]) -> Group:
    members = [one for one in questions if one.question in texts]
    asked = [Asked.model_validate(one.model_dump()) for one in members]
    drafts = [one.source_id for one in members if one.source_id]
    return Group(
        question=texts[0],
        wordings=list(texts[1:]),
        department=_common([one.department for one in members]),
        channel_id=_common([one.channel_id for one in members]),
        source_id=drafts[0] if drafts else None,
        asked=asked,
    )


def _common(values: Sequence[str | None]) -> str | None:
    """Return the value that all have; None if they differ."""
    return values[0] if len(set(values)) == 1 else None
