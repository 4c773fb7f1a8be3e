"""Measure the search with the questions of this folder, and write the table in docs/knowledge.md."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.knowledge.calibrate import Example, fitted
from graph.knowledge.__main__ import DEMO
from graph.knowledge.data import Found
from graph.knowledge.search import Search
from graph.knowledge.sync import sync
from graph.knowledge.tables import create_tables, knowledge
from graph.knowledge.vectors import PAUSE_SECONDS
from graph.settings import settings

HERE = Path(__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"
TABLE = "<!-- made by make eval: {name} -->\n"
END = "<!-- end -->"
HEAD = (
    "| questions | search | recall@1 | recall@5 | right passage given | answered | declined |\n"
    "|---|---|---|---|---|---|---|\n"
)
CURVE_HEAD = (
    "| threshold | held out: right passage given | declined | calibration: right passage given | declined |\n"
    "|---|---|---|---|---|\n"
)
SETS = {"held out": "held_out.toml", "known": "questions.toml"}
CALIBRATION = "calibration.toml"
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
GIVEN = 5  # passages, as the agent gets
ATTEMPTS = 20
EVERYTHING = 100  # more than both kinds of search return
RANK_OFFSET = 60  # of reciprocal ranks, as usual
Order = Callable[[Sequence[Found]], list[Found]]


@dataclass
class Questions:
    """Questions with the titles of passages that answer them, and questions without an answer."""

    found: dict[str, list[str]]
    unanswerable: list[str]


@dataclass
class Ranked:
    """The passages of each question: of those with an answer, with its titles, and of those without one."""

    found: list[tuple[list[Found], list[str]]]
    none: list[list[Found]]

    def shares(self, threshold: float) -> tuple[str, str, str]:
        """Return the shares of questions that get the right passage, that get any, and that are declined rightly."""
        given = [
            ([one for one in ranked if one.confidence >= threshold][:GIVEN], titles) for ranked, titles in self.found
        ]
        return (
            _share([_right(passages, titles) for passages, titles in given]),
            _share([bool(passages) for passages, _ in given]),
            _share([not any(one.confidence >= threshold for one in ranked) for ranked in self.none]),
        )

    def recall(self, most: int) -> str:
        """Return the share of questions whose right passage is among the first ones."""
        return _share([_right(ranked[:most], titles) for ranked, titles in self.found])


async def measure() -> str:
    """Return the tables: words with vectors, and words alone, and what other thresholds do; write them to the page."""
    await create_tables(settings().knowledge_database)
    store = knowledge()
    await sync(store.sources, DEMO, "demo")
    files = SETS | {CALIBRATION: CALIBRATION}
    words = {name: await _ranked(store.search, file, vectors=False) for name, file in files.items()}
    await store.vectors.embed_missing()
    both = {name: await _ranked(store.search, file, vectors=True) for name, file in files.items()}
    name = store.vectors.model_name
    await store.close()
    rows = HEAD + "".join(_rows(of, name, both[of], words[of]) for of in SETS)
    curve = CURVE_HEAD + "".join(_point(one, both["held out"], both[CALIBRATION]) for one in THRESHOLDS)
    _write("questions", rows)
    _write("thresholds", curve)
    rules = [_rule(name, of["known"], of[CALIBRATION]) for name, of in (("vectors", both), ("words", words))]
    return "\n".join([rows, curve, *rules])


def questions(file: str) -> Questions:
    """Return a set of questions."""
    return Questions(**tomllib.loads((HERE / file).read_text(encoding="utf-8")))


async def _ranked(search: Search, file: str, *, vectors: bool) -> Ranked:
    asked = questions(file)
    return Ranked(
        [(await _candidates(search, question, vectors), titles) for question, titles in asked.found.items()],
        [await _candidates(search, question, vectors) for question in asked.unanswerable],
    )


async def _candidates(search: Search, question: str, vectors: bool) -> list[Found]:
    """Return the passages for a question; asked again while the model is too slow for a vector, a few times."""
    for _ in range(ATTEMPTS):
        found = await search.candidates(question, EVERYTHING)
        if not vectors or any(one.similarity is not None for one in found):
            return found
        await asyncio.sleep(PAUSE_SECONDS)
    raise TimeoutError("the server of EMBEDDINGS_MODEL is too slow to be measured")


def _rows(name: str, model: str, both: Ranked, words: Ranked) -> str:
    by_rank = Ranked([(_by_rank(ranked), titles) for ranked, titles in both.found], both.none)
    lines = {f"words and vectors of {model}": both, "the same, by reciprocal rank": by_rank, "words alone": words}
    threshold = settings().knowledge_threshold
    return "".join(
        f"| {name} | {search} | {' | '.join([of.recall(1), of.recall(GIVEN), *of.shares(threshold)])} |\n"
        for search, of in lines.items()
    )


def _point(threshold: float, held_out: Ranked, calibration: Ranked) -> str:
    """Return what a threshold does."""
    (right, _, declined), (known_right, _, known_declined) = held_out.shares(threshold), calibration.shares(threshold)
    return f"| {threshold} | {right} | {declined} | {known_right} | {known_declined} |\n"


def _rule(name: str, *sets: Ranked) -> str:
    """Return the weights that fit the best passages of some sets."""
    examples = [
        Example(_values(ranked[0]), answers)
        for one in sets
        for answers, lists in ((True, [ranked for ranked, _ in one.found]), (False, one.none))
        for ranked in lists
        if ranked
    ]
    return f"rule of {name} (constant, coverage, evidence, similarity): {[round(one, 2) for one in fitted(examples)]}"


def _values(best: Found) -> tuple[float, ...]:
    return (best.coverage, best.evidence, *([] if best.similarity is None else [best.similarity]))


def _write(name: str, table: str) -> None:
    """Put a table between its marks on the page."""
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(TABLE.format(name=name))
    PAGE.write_text(before + mark + table + END + rest.partition(END)[2], encoding="utf-8")


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
