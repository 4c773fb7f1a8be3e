"""The passages that answer a question: by words and by vectors, joined by a weighted sum.

The sum is of the question's words that a passage has (`coverage`) and the similarity of the closest vector. Reciprocal
ranks were measured beside it and found fewer right passages first, because a small model's vectors are the weaker list
(docs/knowledge.md).

Only versions that are published and valid now are read, in the same statement that finds them, so that a version that
was taken back is not found by the next search. The scan over vectors is exact: it is fast enough for some ten thousand
passages, and an index would lose some of them after the filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.knowledge.data import Found
from graph.knowledge.vectors import Vectors, literal
from graph.knowledge.words import asked_words, written_out
from graph.server.postgres import LoopPool, persistent

CANDIDATES = 50  # of each kind of search
BY_SIMILARITY = 0.5  # how much similarity counts, compared with coverage
THRESHOLD_OF_WORDS = 0.38  # of the score where the search has no vectors
BY_ANSWER = 0.7  # how much a word of the answer counts, compared with one of the question
LIKENESS_MIN = 0.4  # of a misspelled word and one that is known
# Words that no passage has, and that are no common word of the language, are replaced by those that look like them.
WANTED = """SELECT w.number, l.lexeme, w.likeness FROM (
        SELECT asked.number, coalesce(alike.word, asked.word) AS word, coalesce(alike.likeness, 1) AS likeness
        FROM unnest(%(words)s::text[]) WITH ORDINALITY AS asked (word, number) LEFT JOIN LATERAL (
            SELECT k.word, sqrt(public.similarity(k.word, asked.word))::float8 AS likeness FROM knowledge.word k
            WHERE k.word OPERATOR(public.%%) asked.word AND length(asked.word) > 3
              AND public.similarity(k.word, asked.word) >= %(least)s
              AND NOT EXISTS (SELECT FROM knowledge.word e WHERE e.word = asked.word)
            ORDER BY likeness DESC LIMIT 2) alike ON true) w,
    LATERAL unnest(tsvector_to_array(to_tsvector('knowledge.searched', w.word))) AS l (lexeme)"""
LIVE = """v.state = %(state)s AND (v.valid_from IS NULL OR v.valid_from <= now())
    AND (v.valid_until IS NULL OR v.valid_until > now())
    AND (v.department IS NULL OR v.department = %(department)s)
    AND (v.channel_id IS NULL OR v.channel_id = %(channel_id)s)
    AND (%(source_id)s::uuid IS NULL OR v.source_id = %(source_id)s)"""
BY_WORDS = f"""WITH wanted AS (
        SELECT number, likeness, (quote_literal(lexeme))::tsquery AS anywhere,
               (quote_literal(lexeme) || ':A')::tsquery AS in_title
        FROM unnest(%(numbers)s::int[], %(lexemes)s::text[], %(likenesses)s::float8[]) AS w (number, lexeme, likeness)),
    live AS MATERIALIZED (SELECT p.id, p.search FROM knowledge.passage p
        JOIN knowledge.version v ON v.id = p.version_id WHERE {LIVE}),
    hit AS MATERIALIZED (SELECT live.id, w.number,
            max(w.likeness * CASE WHEN live.search @@ w.in_title THEN 1 ELSE %(by_answer)s END) AS strength
        FROM live JOIN wanted w ON live.search @@ w.anywhere GROUP BY 1, 2),
    rarity AS (SELECT n.number, ln(1 + (SELECT count(*) FROM live) / (0.5 + count(hit.id))) AS value
        FROM (SELECT DISTINCT number FROM wanted) n LEFT JOIN hit USING (number) GROUP BY n.number)
    SELECT hit.id, sum(hit.strength * rarity.value) / (SELECT sum(value) FROM rarity) AS coverage
    FROM hit JOIN rarity USING (number) GROUP BY hit.id ORDER BY coverage DESC, hit.id LIMIT %(candidates)s"""  # noqa: S608 - constants
BY_VECTOR = f"""SELECT p.id, 1 - min(e.value OPERATOR(public.<=>) %(vector)s::public.halfvec) AS similarity
    FROM knowledge.embedding e JOIN knowledge.passage p ON p.id = e.passage_id
    JOIN knowledge.version v ON v.id = p.version_id
    WHERE e.model = %(model)s AND {LIVE} GROUP BY p.id ORDER BY similarity DESC, p.id LIMIT %(candidates)s"""  # noqa: S608 - constants
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
        async with (await self._pool.get()).connection() as connection:
            coverages = await _by_words(connection, asked_words(question), where)
            similarities = await _by_vector(connection, vector, self._vectors.model_name, where) if vector else {}
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
    """Return the similarity of the closest passages."""
    values = {"vector": literal(vector), "model": model, "candidates": CANDIDATES, **where}
    rows = await connection.execute(BY_VECTOR, values)
    return {row["id"]: row["similarity"] for row in await rows.fetchall()}


def _joined(
    passages: Sequence[Found], coverages: Mapping[int, float], similarities: Mapping[int, float]
) -> list[Found]:
    """Return the passages with their values, the best first."""
    for one in passages:
        one.coverage = coverages.get(one.id, 0.0)
        one.similarity = similarities.get(one.id, 0.0) if similarities else None
        one.score = one.coverage + BY_SIMILARITY * max(one.similarity or 0.0, 0.0)
    return sorted(passages, key=lambda one: (-one.score, one.id))
