"""Passages by the words of a question: rare words find them, and the best of those are looked at for common words.

A word is as rare as the logarithm of the share of published passages without it says; `knowledge.lexeme` has the
counts. So the time of a search grows with the passages that have a rare word, and not with all that have *lente*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

BY_ANSWER = 0.7  # how much a word of the answer counts, compared with one of the question
LIKENESS_MIN = 0.4  # of a misspelled word and one that is known
FINDING = 3000  # passages, at most, that words find before the commoner words are looked for in the best of them
LOOKED_AT = 200
OTHERS = 50  # passages without the word that are counted besides, so that words of a small knowledge are rare too
# Words that no passage has, and that are no common word of the language, are replaced by those that look like them.
WANTED = """SELECT w.number::int, l.lexeme, w.likeness, coalesce(k.passages, 0) AS times, n.passages FROM (
        SELECT asked.number, coalesce(known.word, alike.word, asked.word) AS word,
               coalesce(alike.likeness, 1) AS likeness
        FROM unnest(%(words)s::text[]) WITH ORDINALITY AS asked (word, number)
        LEFT JOIN knowledge.word known ON known.word = asked.word
        LEFT JOIN LATERAL (
            SELECT k.word, sqrt(public.similarity(k.word, asked.word))::float8 AS likeness FROM knowledge.word k
            WHERE known.word IS NULL AND length(asked.word) > 3 AND k.word OPERATOR(public.%%) asked.word
              AND public.similarity(k.word, asked.word) >= %(least)s
            ORDER BY likeness DESC LIMIT 2) alike ON true) w
    CROSS JOIN LATERAL unnest(tsvector_to_array(to_tsvector('knowledge.searched', w.word))) AS l (lexeme)
    CROSS JOIN (SELECT coalesce(sum(v.passages), 0)::int AS passages FROM knowledge.version v
                WHERE v.state = 'published') n
    LEFT JOIN knowledge.lexeme k ON k.lexeme = l.lexeme"""
LIVE = """v.state = %(state)s AND (v.valid_from IS NULL OR v.valid_from <= now())
    AND (v.valid_until IS NULL OR v.valid_until > now())
    AND (v.department IS NULL OR v.department = %(department)s)
    AND (v.channel_id IS NULL OR v.channel_id = %(channel_id)s)
    AND (%(source_id)s::uuid IS NULL OR v.source_id = %(source_id)s)"""
# A question of common words alone takes FINDING passages that have the rarest of them: all of these are as good.
# A word that stands for a misspelled one shares its number, and the better of the two counts.
BY_WORDS = f"""WITH wanted AS MATERIALIZED (
        SELECT number, worth, finds, (quote_literal(lexeme))::tsquery AS query
        FROM unnest(%(numbers)s::int[], %(lexemes)s::text[], %(worths)s::float8[], %(finds)s::boolean[])
            AS w (number, lexeme, worth, finds)),
    live AS MATERIALIZED (SELECT v.id FROM knowledge.version v WHERE {LIVE}),
    hit AS MATERIALIZED (SELECT id, number, max(worth) AS worth FROM (
            SELECT p.id, w.number, w.worth FROM wanted w CROSS JOIN LATERAL (
                SELECT p.id FROM knowledge.passage p
                WHERE p.asked @@ w.query AND p.version_id IN (SELECT live.id FROM live) LIMIT %(finding)s) p
            WHERE w.finds
            UNION ALL
            SELECT p.id, w.number, w.worth * %(by_answer)s FROM wanted w CROSS JOIN LATERAL (
                SELECT p.id FROM knowledge.passage p
                WHERE p.search @@ w.query AND p.version_id IN (SELECT live.id FROM live) LIMIT %(finding)s) p
            WHERE w.finds) found
        GROUP BY id, number),
    best AS MATERIALIZED (SELECT id, sum(worth) AS worth FROM hit GROUP BY id
        ORDER BY worth DESC, id LIMIT %(looked_at)s)
    SELECT best.id, best.worth + coalesce((SELECT sum(common.worth) FROM (
            SELECT max(CASE WHEN p.asked @@ w.query THEN w.worth WHEN p.search @@ w.query
                       THEN w.worth * %(by_answer)s ELSE 0 END) AS worth
            FROM wanted w WHERE NOT w.finds GROUP BY w.number) common), 0) AS worth
    FROM best JOIN knowledge.passage p USING (id) ORDER BY worth DESC, best.id LIMIT %(candidates)s"""  # noqa: S608 - constants

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True)
class Matched:
    """The words that a passage has of a question: `coverage`, `evidence` as of `data.Found`."""

    coverage: float
    evidence: float


async def by_words(
    connection: Connection, words: Sequence[str], where: Mapping[str, Any], candidates: int
) -> dict[int, Matched]:
    """Return the best passages by their ids, `candidates` at most."""
    rows = await connection.execute(WANTED, {"words": list(words), "least": LIKENESS_MIN})
    wanted = sorted(await rows.fetchall(), key=lambda row: row["times"])
    if not wanted:
        return {}
    unknown = math.log(1 + (wanted[0]["passages"] + OTHERS) / 0.5)
    values = _values(wanted)
    query = {
        "numbers": [row["number"] for row in wanted],
        "lexemes": [row["lexeme"] for row in wanted],
        "worths": [values[row["number"]] * row["likeness"] for row in wanted],
        "finds": _finding(wanted),
        "by_answer": BY_ANSWER,
        "finding": FINDING,
        "looked_at": LOOKED_AT,
        "candidates": candidates,
    }
    found = await connection.execute(BY_WORDS, query | dict(where))
    whole = sum(values.values())
    return {row["id"]: Matched(row["worth"] / whole, row["worth"] / unknown) for row in await found.fetchall()}


def _values(wanted: Sequence[DictRow]) -> dict[int, float]:
    """Return how much each word of the question counts, by its number; of several stems the commonest one decides."""
    return {row["number"]: math.log(1 + (row["passages"] + OTHERS) / (row["times"] + 0.5)) for row in wanted}


def _finding(wanted: Sequence[DictRow]) -> list[bool]:
    """Return which words find passages, of words with the rarest first: as many as FINDING allows, and at least one."""
    found, finding = 0, []
    for row in wanted:
        first = not found
        found += row["times"]
        finding.append(first or found <= FINDING)
    return finding
