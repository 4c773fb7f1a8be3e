"""The passages that answer a question: by words and by vectors, joined by a weighted sum.

The sum is of the question's words that a passage has (`coverage`) and the similarity of the closest vector. Reciprocal
ranks were measured beside it and found fewer right passages first, because a small model's vectors are the weaker list
(docs/knowledge.md).

Only versions that are published and valid now are read, in the same statement that finds them, so that a version that
was taken back is not found by the next search. Words are found by indexes, both kinds of search run at the same time,
and the scan over vectors is exact: an index would lose some passages after the filters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.knowledge.data import Found
from graph.knowledge.vectors import Vectors, literal
from graph.knowledge.words import asked_words, written_out
from graph.server.postgres import LoopPool, persistent

CANDIDATES = 50  # of each kind of search
CLOSEST = 1000  # vectors whose passages are looked at first
BY_SIMILARITY = 0.5  # how much similarity counts, compared with coverage
THRESHOLD_OF_WORDS = 0.38  # of the score where the search has no vectors
BY_ANSWER = 0.7  # how much a word of the answer counts, compared with one of the question
LIKENESS_MIN = 0.4  # of a misspelled word and one that is known
# Words that no passage has, and that are no common word of the language, are replaced by those that look like them.
WANTED = """SELECT w.number, l.lexeme, w.likeness FROM (
        SELECT asked.number, coalesce(known.word, alike.word, asked.word) AS word,
               coalesce(alike.likeness, 1) AS likeness
        FROM unnest(%(words)s::text[]) WITH ORDINALITY AS asked (word, number)
        LEFT JOIN knowledge.word known ON known.word = asked.word
        LEFT JOIN LATERAL (
            SELECT k.word, sqrt(public.similarity(k.word, asked.word))::float8 AS likeness FROM knowledge.word k
            WHERE known.word IS NULL AND length(asked.word) > 3 AND k.word OPERATOR(public.%%) asked.word
              AND public.similarity(k.word, asked.word) >= %(least)s
            ORDER BY likeness DESC LIMIT 2) alike ON true) w,
    LATERAL unnest(tsvector_to_array(to_tsvector('knowledge.searched', w.word))) AS l (lexeme)"""
LIVE = """v.state = %(state)s AND (v.valid_from IS NULL OR v.valid_from <= now())
    AND (v.valid_until IS NULL OR v.valid_until > now())
    AND (v.department IS NULL OR v.department = %(department)s)
    AND (v.channel_id IS NULL OR v.channel_id = %(channel_id)s)
    AND (%(source_id)s::uuid IS NULL OR v.source_id = %(source_id)s)"""
# Each word is looked up in an index, and no passage is read. Rare words count more.
BY_WORDS = f"""WITH wanted AS MATERIALIZED (
        SELECT number, likeness, (quote_literal(lexeme))::tsquery AS query
        FROM unnest(%(numbers)s::int[], %(lexemes)s::text[], %(likenesses)s::float8[]) AS w (number, lexeme, likeness)),
    live AS MATERIALIZED (SELECT v.id, v.passages FROM knowledge.version v WHERE {LIVE}),
    hit AS MATERIALIZED (SELECT id, number, max(strength) AS strength FROM (
            SELECT p.id, p.version_id, w.number, w.likeness AS strength
            FROM wanted w JOIN knowledge.passage p ON p.asked @@ w.query
            UNION ALL
            SELECT p.id, p.version_id, w.number, w.likeness * %(by_answer)s
            FROM wanted w JOIN knowledge.passage p ON p.search @@ w.query) found
        WHERE version_id IN (SELECT live.id FROM live) GROUP BY id, number),
    met AS (SELECT number, count(*) AS times FROM hit GROUP BY number),
    rarity AS MATERIALIZED (SELECT w.number, ln(1 + (SELECT coalesce(sum(passages), 0) FROM live)::float8
            / (0.5 + coalesce(met.times, 0))) AS value
        FROM (SELECT DISTINCT number FROM wanted) w LEFT JOIN met USING (number))
    SELECT hit.id, sum(hit.strength * rarity.value) / (SELECT sum(value) FROM rarity) AS coverage
    FROM hit JOIN rarity USING (number) GROUP BY hit.id ORDER BY coverage DESC, hit.id LIMIT %(candidates)s"""  # noqa: S608 - constants
# The closest vectors, %(closest)s of all, and the live passages that they belong to.
BY_VECTOR = f"""SELECT p.id, max(found.similarity) AS similarity FROM (
        SELECT e.passage_id, 1 - (e.value OPERATOR(public.<=>) %(vector)s::public.halfvec) AS similarity
        FROM knowledge.embedding e WHERE e.model = %(model)s
        ORDER BY e.value OPERATOR(public.<=>) %(vector)s::public.halfvec LIMIT %(closest)s) found
    JOIN knowledge.passage p ON p.id = found.passage_id JOIN knowledge.version v ON v.id = p.version_id
    WHERE {LIVE} GROUP BY p.id ORDER BY similarity DESC, p.id LIMIT %(candidates)s"""  # noqa: S608 - constants
PASSAGES = """SELECT p.id, v.source_id, v.number AS version, s.kind, p.title, p.body, v.link FROM knowledge.passage p
    JOIN knowledge.version v ON v.id = p.version_id JOIN knowledge.source s ON s.id = v.source_id
    WHERE p.id = ANY(%s)"""
Connection = AsyncConnection[DictRow]


class Search:
    """Searches the passages in `pool`; `threshold`: the score of an answer, where the search has vectors."""

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
        return found.score >= (THRESHOLD_OF_WORDS if found.similarity is None else self._threshold)

    async def candidates(self, question: str, **where: Any) -> list[Found]:  # noqa: ANN401
        """Return the passages that come into question, without the threshold, the best first.

        where: `department`, `channel_id`; `source_id` and `state`: one source, for people who try a draft.
        """
        vector = await self._vectors.of_question(written_out(question))
        known = {"department": None, "channel_id": None, "source_id": None, "state": "published", **where}
        return await self._ranked(question, vector, known)

    @persistent
    async def _ranked(self, question: str, vector: list[float] | None, where: dict[str, Any]) -> list[Found]:
        pool = await self._pool.get()

        async def by_words() -> dict[int, float]:
            async with pool.connection() as connection:
                return await _by_words(connection, asked_words(question), where)

        async def by_vector() -> dict[int, float]:
            async with pool.connection() as connection:
                return await _by_vector(connection, vector, self._vectors.model_name, where) if vector else {}

        coverages, similarities = await asyncio.gather(by_words(), by_vector())
        async with pool.connection() as connection:
            rows = await connection.execute(PASSAGES, [list(coverages.keys() | similarities.keys())])
            passages = [Found.model_validate(row) for row in await rows.fetchall()]
        return _joined(passages, coverages, similarities)


async def _by_words(connection: Connection, words: Sequence[str], where: Mapping[str, Any]) -> dict[int, float]:
    """Return the coverage of the best passages: how much of the question's words they have."""
    rows = await connection.execute(WANTED, {"words": list(words), "least": LIKENESS_MIN})
    wanted = await rows.fetchall()
    if not wanted:
        return {}
    values = {
        "numbers": [row["number"] for row in wanted],
        "lexemes": [row["lexeme"] for row in wanted],
        "likenesses": [row["likeness"] for row in wanted],
        "by_answer": BY_ANSWER,
        "candidates": CANDIDATES,
    }
    rows = await connection.execute(BY_WORDS, values | dict(where))
    return {row["id"]: row["coverage"] for row in await rows.fetchall()}


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


def _joined(
    passages: Sequence[Found], coverages: Mapping[int, float], similarities: Mapping[int, float]
) -> list[Found]:
    """Return the passages with their values, the best first."""
    for one in passages:
        one.coverage = coverages.get(one.id, 0.0)
        one.similarity = similarities.get(one.id, 0.0) if similarities else None
        one.score = one.coverage + BY_SIMILARITY * max(one.similarity or 0.0, 0.0)
    return sorted(passages, key=lambda one: (-one.score, one.id))
