"""The vectors of passages and questions, where the database has pgvector and a model is configured."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import openai
import psycopg
from psycopg.rows import DictRow

from graph.knowledge.data import Passage
from graph.knowledge.embeddings import FAILURES, QUESTION_SECONDS, Embeddings
from graph.server.postgres import LoopPool, persistent

log = logging.getLogger(__name__)

PASSAGES_AT_ONCE = 32
WATCH_SECONDS = 30.0
PAUSE_SECONDS = 10.0  # in which a model that took too long is not asked again: each question would wait as long
TRIAL_SECONDS = 10.0  # bound of a trial's wait for the vectors of its draft
MISSING = """SELECT p.id, p.title, p.wordings, p.body FROM knowledge.passage p
    JOIN knowledge.version v ON v.id = p.version_id WHERE v.state <> 'retired' AND NOT EXISTS (
        SELECT FROM knowledge.embedding e WHERE e.passage_id = p.id AND e.model = %s) ORDER BY p.id LIMIT %s"""
# A passage may be deleted meanwhile, or get its vectors from another process.
ADD = """INSERT INTO knowledge.embedding (passage_id, position, model, value)
    SELECT id, %s, %s, %s::public.halfvec FROM knowledge.passage WHERE id = %s ON CONFLICT DO NOTHING"""
# Each question reads the whole table.
FORGET_RETIRED = """DELETE FROM knowledge.embedding e USING knowledge.passage p JOIN knowledge.version v
    ON v.id = p.version_id WHERE p.id = e.passage_id AND v.state = 'retired'"""


class Vectors:
    """The vectors of one model; `model`: None if none is configured."""

    def __init__(self, pool: LoopPool, model: Embeddings | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._model = model
        self._clock = clock
        self._pause_until = -math.inf
        self._available = False
        self._woken = asyncio.Event()

    @property
    def model_name(self) -> str:
        """The name of the model; empty without one."""
        return self._model.model if self._model else ""

    async def available(self) -> bool:
        """Return whether there is a model, and the database keeps vectors: `migrate` makes their table."""
        if self._model is not None and not self._available:
            self._available = await self._has_table()
        return self._available

    async def of_question(self, wordings: Sequence[str]) -> list[float] | None:
        """Return the direction between the wordings of a question; None as `of_texts` does."""
        vectors = await self.of_texts(list(dict.fromkeys(filter(None, wordings))))
        return _between(vectors) if vectors else None

    async def of_texts(self, texts: Sequence[str]) -> list[list[float]] | None:
        """Return the vectors of texts; None without vectors, and while the model does not answer.

        After one that took too long, texts have none for PAUSE_SECONDS.
        """
        if self._model is None or not texts or self._clock() < self._pause_until or not await self.available():
            return None
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                return await self._model.aembed_documents(list(texts))
        except FAILURES as error:
            log.warning("texts have no vectors, they are compared by letters alone: %s", type(error).__name__)
            if isinstance(error, TimeoutError | openai.APITimeoutError):
                self._pause_until = self._clock() + PAUSE_SECONDS
            return None

    async def embed_missing(self) -> int:
        """Make the vectors that drafts and published passages lack; return of how many passages.

        Raises one of FAILURES while the model does not answer, and psycopg.Error.
        """
        if self._model is None or not await self.available():
            return 0
        made = 0
        while rows := await self._missing():
            await self._embed(self._model, rows)
            self._pause_until = -math.inf  # it answers
            made += len(rows)
        await self._forget_retired()
        return made

    async def keep_complete(self) -> None:
        """Make missing vectors at intervals, for ever: the model may be away while texts are published."""
        while self._model is not None:
            self._woken.clear()
            await self.complete(None)
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._woken.wait()

    async def complete(self, seconds: float | None = TRIAL_SECONDS) -> None:
        """Make missing vectors, for as long at most; the search does without those that cannot be made now."""
        try:
            async with asyncio.timeout(seconds):
                made = await self.embed_missing()
        except (*FAILURES, psycopg.Error) as error:
            log.warning("vectors were not made: %s", type(error).__name__)
        else:
            log.log(logging.INFO if made else logging.DEBUG, "Vectors were made for %d passages.", made)

    def wake(self) -> None:
        """Make missing vectors at once: a text was written."""
        self._woken.set()

    @persistent
    async def _has_table(self) -> bool:
        async with (await self._pool.get()).connection() as connection:
            asked = await connection.execute("SELECT to_regclass('knowledge.embedding') IS NOT NULL AS there")
            row = await asked.fetchone()
            return bool(row and row["there"])

    async def _missing(self) -> list[DictRow]:
        async with (await self._pool.get()).connection() as connection:
            return await (await connection.execute(MISSING, [self.model_name, PASSAGES_AT_ONCE])).fetchall()

    async def _forget_retired(self) -> None:
        async with (await self._pool.get()).connection() as connection:
            await connection.execute(FORGET_RETIRED)

    async def _embed(self, model: Embeddings, rows: Sequence[DictRow]) -> None:
        texts = [(row["id"], place, text) for row in rows for place, text in enumerate(_texts(row))]
        vectors = await model.aembed_documents([text for *_, text in texts])
        added = [
            (place, model.model, literal(direction(vector)), passage)
            for (passage, place, _), vector in zip(texts, vectors, strict=True)
        ]
        ids = [row["id"] for row in rows]
        async with (await self._pool.get()).connection() as connection, connection.transaction():
            await connection.execute("DELETE FROM knowledge.embedding WHERE passage_id = ANY(%s)", [ids])
            async with connection.cursor() as cursor:
                await cursor.executemany(ADD, added)


def literal(vector: Sequence[float]) -> str:
    """Return a vector as pgvector reads it."""
    return f"[{','.join(f'{value:.5g}' for value in vector)}]"


def direction(vector: Sequence[float]) -> list[float]:
    """Return a vector of the same direction whose length is 1."""
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]


def _between(vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return the direction between vectors."""
    return direction([sum(values) for values in zip(*map(direction, vectors), strict=True)])


def _texts(row: DictRow) -> list[str]:
    return Passage(title=row["title"], wordings=row["wordings"], body=row["body"]).texts()
