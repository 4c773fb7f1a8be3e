"""The passages that answer a question: by words and by vectors, joined by a weighted sum.

The sum orders the passages; whether one answers is for `confidence`. Reciprocal ranks were measured beside it and found
fewer right passages first, because a small model's vectors are the weaker list (docs/knowledge.md).

Only versions that are published and valid now are read, in the same statement that finds them, so that a version that
was taken back is not found by the next search. Both kinds of search run at the same time, and the scan over vectors is
exact: an index would lose some passages after the filters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.knowledge.confidence import confidence
from graph.knowledge.data import Found
from graph.knowledge.vectors import Vectors, literal
from graph.knowledge.word_search import LIVE, Matched, by_words
from graph.knowledge.words import asked_words, written_out
from graph.server.postgres import LoopPool, persistent

CANDIDATES = 50  # of each kind of search
RETURNED = 20  # of both together
CLOSEST = 300  # vectors whose passages are looked at first
BY_SIMILARITY = 0.75  # how much similarity counts, compared with coverage
# The closest vectors, %(closest)s of all (their length is 1: the inner product is the cosine, and cheaper),
# and the live passages that they belong to.
BY_VECTOR = f"""SELECT p.id, max(found.similarity) AS similarity FROM (
        SELECT e.passage_id, -(e.value OPERATOR(public.<#>) %(vector)s::public.halfvec) AS similarity
        FROM knowledge.embedding e WHERE e.model = %(model)s
        ORDER BY e.value OPERATOR(public.<#>) %(vector)s::public.halfvec LIMIT %(closest)s) found
    JOIN knowledge.passage p ON p.id = found.passage_id JOIN knowledge.version v ON v.id = p.version_id
    WHERE {LIVE} GROUP BY p.id ORDER BY similarity DESC, p.id LIMIT %(candidates)s"""  # noqa: S608 - constants
SIMILARITIES = """SELECT e.passage_id AS id,
        max(-(e.value OPERATOR(public.<#>) %(vector)s::public.halfvec)) AS similarity
    FROM knowledge.embedding e WHERE e.passage_id = ANY(%(ids)s) AND e.model = %(model)s GROUP BY e.passage_id"""
PASSAGES = """SELECT p.id, v.source_id, v.number AS version, s.kind, p.title, p.body, v.link FROM knowledge.passage p
    JOIN knowledge.version v ON v.id = p.version_id JOIN knowledge.source s ON s.id = v.source_id
    WHERE p.id = ANY(%s)"""
Connection = AsyncConnection[DictRow]
UNMATCHED = Matched(0.0, 0.0)


class Search:
    """Searches the passages in `pool`; `threshold`: the confidence from which a passage is given to the agent."""

    def __init__(self, pool: LoopPool, vectors: Vectors, threshold: float) -> None:
        self._pool = pool
        self._vectors = vectors
        self._threshold = threshold

    async def find(
        self, question: str, limit: int, *, department: str | None = None, channel_id: str | None = None
    ) -> list[Found]:
        """Return the passages that answer a question, the best first; none if nothing passes the threshold."""
        found = await self.candidates(question, department=department, channel_id=channel_id)
        return [one for one in found if self.is_answer(one)][:limit]

    def is_answer(self, found: Found) -> bool:
        """Return whether a passage is good enough to be given to the agent."""
        return found.confidence >= self._threshold

    async def candidates(self, question: str, limit: int = RETURNED, **where: Any) -> list[Found]:  # noqa: ANN401
        """Return the passages that come into question, without the threshold, the best first.

        where: `department`, `channel_id`; `source_id` and `state`: one source, for people who try a draft.
        """
        said = " ".join(asked_words(question))
        vector = await self._vectors.of_question([written_out(question), said])
        known = {"department": None, "channel_id": None, "source_id": None, "state": "published", **where}
        return await self._ranked(question, vector, known, limit)

    @persistent
    async def _ranked(
        self, question: str, vector: list[float] | None, where: dict[str, Any], limit: int
    ) -> list[Found]:
        pool = await self._pool.get()

        async def words() -> dict[int, Matched]:
            async with pool.connection() as connection:
                return await by_words(connection, asked_words(question), where, CANDIDATES)

        async def vectors() -> dict[int, float]:
            async with pool.connection() as connection:
                return await _by_vector(connection, vector, self._vectors.model_name, where) if vector else {}

        matched, similarities = await asyncio.gather(words(), vectors())
        if vector and similarities and (others := matched.keys() - similarities.keys()):
            async with pool.connection() as connection:
                similarities |= await _similarities(connection, vector, self._vectors.model_name, list(others))
        scores = _scores(matched, similarities)
        best = sorted(scores, key=lambda one: (-scores[one], one))[:limit]
        async with pool.connection() as connection:
            rows = await (await connection.execute(PASSAGES, [best])).fetchall()
        found = {row["id"]: row for row in rows}
        # A passage may be deleted between the two statements.
        return [_found(found[one], scores[one], matched, similarities) for one in best if one in found]


async def _by_vector(
    connection: Connection, vector: Sequence[float], model: str, where: Mapping[str, Any]
) -> dict[int, float]:
    """Return the similarity of the closest passages; of all vectors, where the closest are of too few live passages."""
    values = {"vector": literal(vector), "model": model, "candidates": CANDIDATES, **where}
    for closest in (CLOSEST, None):
        rows = await (await connection.execute(BY_VECTOR, {**values, "closest": closest})).fetchall()
        if len(rows) == CANDIDATES:
            break
    return {row["id"]: row["similarity"] for row in rows}


async def _similarities(
    connection: Connection, vector: Sequence[float], model: str, ids: Sequence[int]
) -> dict[int, float]:
    """Return the similarities of passages that words have found and that are not among the closest."""
    values = {"vector": literal(vector), "model": model, "ids": ids}
    rows = await (await connection.execute(SIMILARITIES, values)).fetchall()
    return {row["id"]: row["similarity"] for row in rows}


def _scores(matched: Mapping[int, Matched], similarities: Mapping[int, float]) -> dict[int, float]:
    """Return the weighted sums by which passages are ordered."""
    return {
        one: matched.get(one, UNMATCHED).coverage + BY_SIMILARITY * max(similarities.get(one, 0.0), 0.0)
        for one in matched.keys() | similarities.keys()
    }


def _found(row: DictRow, score: float, matched: Mapping[int, Matched], similarities: Mapping[int, float]) -> Found:
    """Return a passage with its values."""
    words, similarity = matched.get(row["id"], UNMATCHED), similarities.get(row["id"], 0.0)
    values = {"coverage": words.coverage, "evidence": words.evidence, "score": score}
    found = Found(**row, **values, similarity=similarity if similarities else None)
    found.confidence = confidence(found)
    return found
