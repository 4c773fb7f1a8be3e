"""Measure the search with the questions of this folder, and write the table in docs/knowledge.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.knowledge.__main__ import DEMO
from graph.knowledge.data import Found
from graph.knowledge.search import Search
from graph.knowledge.sync import sync
from graph.knowledge.tables import create_tables, knowledge
from graph.settings import settings

HERE = Path(__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"
TABLE = re.compile(r"(<!-- made by make eval -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = (
    "| questions | search | recall@1 | recall@5 | right passage given | answered | declined |\n"
    "|---|---|---|---|---|---|---|\n"
)
SETS = {"held out": "held_out.toml", "known": "questions.toml"}
RANK_OFFSET = 60  # of reciprocal ranks, as usual
Order = Callable[[Sequence[Found]], list[Found]]


@dataclass
class Questions:
    """Questions with the titles of passages that answer them, and questions without an answer."""

    found: dict[str, list[str]]
    unanswerable: list[str]


async def measure() -> str:
    """Return the table: words with vectors, and words alone; write it to the page."""
    await create_tables(settings().knowledge_database)
    store = knowledge()
    await sync(store.sources, DEMO, "demo")
    rows = {name: [await _row(f"{name} | words alone", store.search, questions(name), _as_it_is)] for name in SETS}
    await store.vectors.embed_missing()
    for name in SETS:
        both = f"{name} | words and vectors of {store.vectors.model_name}"
        rows[name].insert(0, await _row(both, store.search, questions(name), _as_it_is))
        rows[name].insert(1, await _row(f"{both}, by reciprocal rank", store.search, questions(name), _by_rank))
    await store.close()
    table = HEAD + "".join(row for of in rows.values() for row in of)
    PAGE.write_text(TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", PAGE.read_text()))
    return table


def questions(name: str) -> Questions:
    """Return a set of questions."""
    return Questions(**tomllib.loads((HERE / SETS[name]).read_text(encoding="utf-8")))


async def _row(name: str, search: Search, asked: Questions, order: Order) -> str:
    """Return the shares of one kind of search: of the questions with an answer, then of those without."""
    found = [(order(await search.candidates(question)), titles) for question, titles in asked.found.items()]
    none = [await search.candidates(question) for question in asked.unanswerable]
    given = [[one for one in ranked if search.is_answer(one)][:5] for ranked, _ in found]
    shares = [
        _share([_right(ranked[:1], titles) for ranked, titles in found]),
        _share([_right(ranked[:5], titles) for ranked, titles in found]),
        _share([_right(passages, titles) for passages, (_, titles) in zip(given, found, strict=True)]),
        _share([bool(passages) for passages in given]),
        _share([not any(map(search.is_answer, ranked)) for ranked in none]),
    ]
    return f"| {name} | {' | '.join(shares)} |\n"


def _as_it_is(found: Sequence[Found]) -> list[Found]:
    return list(found)


def _by_rank(found: Sequence[Found]) -> list[Found]:
    """Return passages joined by reciprocal rank, which counts places in both lists and no values."""
    scores = dict.fromkeys((one.id for one in found), 0.0)
    by_words = sorted((one for one in found if one.coverage), key=lambda one: (-one.coverage, one.id))
    by_vector = sorted((one for one in found if one.similarity), key=lambda one: (-(one.similarity or 0), one.id))
    for ranked in (by_words, by_vector):
        for place, one in enumerate(ranked, 1):
            scores[one.id] += 1 / (RANK_OFFSET + place)
    return sorted(found, key=lambda one: (-scores[one.id], one.id))


def _right(found: Sequence[Found], titles: Sequence[str]) -> bool:
    return any(one.title == title or one.title.endswith(f"› {title}") for one in found for title in titles)


def _share(results: Sequence[bool]) -> str:
    return f"{sum(results) / len(results):.2f}"
