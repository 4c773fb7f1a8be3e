"""Measure the search with `questions.toml`, and write the table in docs/knowledge.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from graph.knowledge.__main__ import DEMO
from graph.knowledge.data import Found
from graph.knowledge.search import Search
from graph.knowledge.sync import sync
from graph.knowledge.tables import create_tables, knowledge
from graph.settings import settings

QUESTIONS = Path(__file__).with_name("questions.toml")
PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"
TABLE = re.compile(r"(<!-- made by make eval -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "| search | recall@1 | recall@5 | right passage given | answered | declined |\n|---|---|---|---|---|---|\n"


async def measure() -> str:
    """Return the table: words with vectors, and words alone; write it to the page."""
    questions = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))
    await create_tables(settings().knowledge_database)
    store = knowledge()
    await sync(store.sources, DEMO, "demo")
    alone = await _row("words alone", store.search, questions)
    await store.vectors.embed_missing()
    rows = [await _row(f"words and vectors of {store.vectors.model_name}", store.search, questions), alone]
    await store.close()
    table = HEAD + "".join(rows)
    PAGE.write_text(TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", PAGE.read_text()))
    return table


async def _row(name: str, search: Search, questions: Mapping[str, dict[str, list[str]] | list[str]]) -> str:
    """Return the shares of one kind of search: of the questions with an answer, then of those without."""
    wanted, unanswerable = questions["found"], questions["unanswerable"]
    assert isinstance(wanted, dict)  # noqa: S101 - the shape of the file
    found = [(await search.candidates(question), titles) for question, titles in wanted.items()]
    none = [await search.candidates(question) for question in unanswerable]
    given = [[one for one in ranked[:5] if search.is_answer(one)] for ranked, _ in found]
    shares = [
        _share([_right(ranked[:1], titles) for ranked, titles in found]),
        _share([_right(ranked[:5], titles) for ranked, titles in found]),
        _share([_right(passages, titles) for passages, (_, titles) in zip(given, found, strict=True)]),
        _share([bool(passages) for passages in given]),
        _share([not any(map(search.is_answer, ranked)) for ranked in none]),
    ]
    return f"| {name} | {' | '.join(shares)} |\n"


def _right(found: Sequence[Found], titles: Sequence[str]) -> bool:
    return any(one.title == title or one.title.endswith(f"› {title}") for one in found for title in titles)


def _share(results: Sequence[bool]) -> str:
    return f"{sum(results) / len(results):.2f}"
