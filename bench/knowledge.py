"""How long a search in the knowledge takes with ten thousand passages: words alone, and words and vectors.

The passages are made of the demo's sentences, with a part of their words replaced by invented ones, common and rare as
in a language; the questions are those of `evals/knowledge`. The vectors are random: the exact scan takes as long for
any vector. The time of the model that makes a question's vector is not in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import statistics
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg

from graph.knowledge import files, tables
from graph.knowledge.__main__ import DEMO
from graph.knowledge.data import Text
from graph.knowledge.passages import PASSAGE_LIMIT
from graph.knowledge.tables import Knowledge
from graph.knowledge.vectors import Vectors
from graph.settings import settings
from simulator.stack.postgres import Postgres

PASSAGES = 10_000
PASSAGES_OF_A_DOCUMENT = 100
DIMENSIONS = 512  # of the demo's model
INVENTED_WORDS = 20_000
INVENTED_SHARE = 0.4
ROUNDS = 3
QUESTIONS = Path(__file__).parents[1] / "evals" / "knowledge" / "questions.toml"


class RandomVectors:
    """A model whose vectors mean nothing: the same for the same text."""

    model = "random"

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    numbers = random.Random(hashlib.sha256(text.encode()).digest())  # noqa: S311 - no secret
    return [numbers.gauss(0, 1) for _ in range(DIMENSIONS)]


def _documents(numbers: random.Random) -> Iterator[Text]:
    """Yield documents of PASSAGES_OF_A_DOCUMENT passages each."""
    sentences = [
        sentence
        for path in files.paths_in(DEMO)
        for text in files.read(path).values()
        for sentence in re.split(r"(?<=[.!?])\s+", text.content)
    ]
    for document in range(PASSAGES // PASSAGES_OF_A_DOCUMENT):
        parts = [f"## Parte {part}\n{_paragraph(numbers, sentences)}" for part in range(PASSAGES_OF_A_DOCUMENT)]
        yield Text(kind="markdown", title=f"Documento {document}", content="\n\n".join(parts))


def _paragraph(numbers: random.Random, sentences: list[str]) -> str:
    text = ""
    while len(text) < PASSAGE_LIMIT - 250:
        text += f"{numbers.choice(sentences)} "
    return re.sub(r"\w{4,}", lambda found: _word(numbers) if numbers.random() < INVENTED_SHARE else found[0], text)


def _word(numbers: random.Random) -> str:
    """Return an invented word, the smaller its number the more often."""
    number = int(INVENTED_WORDS ** numbers.random())
    return "".join(
        "bcdfglmnprst"[number // 60**place % 12] + "aeiou"[number // 60**place // 12 % 5] for place in range(3)
    )


async def measure(address: str) -> Iterator[str]:
    """Return a line for each kind of search: median and 95th percentile."""
    known = Knowledge(address)
    await known.sources.replace("bench:", {text.title: text for text in _documents(random.Random(1))})  # noqa: S311
    alone = await _line(known, "words alone")
    await known.vectors.embed_missing()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        [count] = connection.execute("SELECT count(*) FROM knowledge.passage").fetchone() or [0]
        [vectors] = connection.execute("SELECT count(*) FROM knowledge.embedding").fetchone() or [0]
    both = await _line(known, "words and vectors")
    await known.close()
    return iter([f"{count:,} passages, {vectors:,} vectors of {DIMENSIONS} numbers", alone, both])


async def _line(known: Knowledge, name: str) -> str:
    questions = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))
    asked = [*questions["found"], *questions["unanswerable"]]
    if name == "words alone":
        known.search._vectors = Vectors(known.search._pool, None)
    took = []
    for question in [*asked[:10], *asked * ROUNDS]:
        started = time.perf_counter()
        await known.search.find(question, 5)
        took.append(1000 * (time.perf_counter() - started))
    known.search._vectors = known.vectors
    took = sorted(took[10:])  # the first ones prepare statements
    return f"{name:<20}{statistics.median(took):>8.1f} ms{took[int(0.95 * len(took))]:>8.1f} ms (95th percentile)"


def main() -> None:
    """Print the lines."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        with Postgres(Path(directory) / "postgres", durable=True) as postgres:
            address = postgres.create_database("knowledge")
            os.environ |= {"DATABASE_URL": address, "KNOWLEDGE_DATABASE_URL": "", "AGENT_DATABASE_URL": ""}
            settings.cache_clear()
            asyncio.run(tables.create_tables(address))
            tables.embeddings = RandomVectors  # type: ignore[assignment,attr-defined]
            print("\n".join(asyncio.run(measure(address))))


if __name__ == "__main__":
    main()
