"""Evaluation cases: questions that the knowledge has to have an answer to, in words that name no customer.

A case passes where the search gives the agent a passage for it. It fails before the answer is written and passes after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel

from graph.knowledge.data import NotFoundError
from graph.knowledge.search import Search
from graph.knowledge.words import plain, words_of
from graph.server.postgres import LoopPool, persistent

_AT_ONCE = 2  # searches, each of which takes two of the pool's connections
COLUMNS = "id, question, department, channel_id, made_at"
ADD = f"""INSERT INTO knowledge.evaluation_case (question, department, channel_id) VALUES (%s, %s, %s)
    ON CONFLICT (question, department, channel_id) DO UPDATE SET question = excluded.question RETURNING {COLUMNS}"""  # noqa: S608 - constants
ALL = f"SELECT {COLUMNS} FROM knowledge.evaluation_case ORDER BY id DESC"  # noqa: S608 - constants
KNOWN = "SELECT word FROM knowledge.word WHERE word = ANY(%s)"


class Case(BaseModel):
    """A question; department, channel_id: where it is asked, None for any place."""

    id: int
    question: str
    department: str | None
    channel_id: str | None
    made_at: datetime


class Outcome(Case):
    """A case as it was run now; found: the title of the passage that the agent is given first, None if it fails."""

    found: str | None


class Cases:
    """The cases in `pool`, which `search` has to find passages for. People delete them."""

    def __init__(self, pool: LoopPool, search: Search) -> None:
        self._pool = pool
        self._search = search

    @persistent
    async def add(self, question: str, department: str | None, channel_id: str | None) -> Case:
        """Keep a case, the same question once."""
        async with (await self._pool.get()).connection() as connection:
            rows = await connection.execute(ADD, [question, department, channel_id])
            return Case.model_validate(await rows.fetchone())

    @persistent
    async def all(self) -> list[Case]:
        """Return the cases, the newest first."""
        async with (await self._pool.get()).connection() as connection:
            return [Case.model_validate(row) for row in await (await connection.execute(ALL)).fetchall()]

    async def run(self) -> list[Outcome]:
        """Run all cases with what is published now."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def run(case: Case) -> Outcome:
            async with places:
                return await self._run(case)

        return await asyncio.gather(*map(run, await self.all()))

    @persistent
    async def remove(self, case_id: int) -> None:
        """Delete a case. Raises NotFoundError."""
        async with (await self._pool.get()).connection() as connection:
            gone = await connection.execute("DELETE FROM knowledge.evaluation_case WHERE id = %s", [case_id])
            if not gone.rowcount:
                raise NotFoundError

    @persistent
    async def anonymous(self, question: str, leave_out: Callable[[str, set[str]], str]) -> str:
        """Return a question as `leave_out` returns it, which may keep the words that published texts have."""
        said = {word.lower(): plain(word) for word in question.split()}
        async with (await self._pool.get()).connection() as connection:
            rows = await (await connection.execute(KNOWN, [words_of(question)])).fetchall()
        known = {row["word"] for row in rows}
        return leave_out(
            question, {word.strip(".,;:!?") for word, bare in said.items() if set(words_of(bare)) <= known}
        )

    async def _run(self, case: Case) -> Outcome:
        where = {"department": case.department, "channel_id": case.channel_id}
        found = await self._search.find(case.question, 1, **where)
        return Outcome(**case.model_dump(), found=found[0].title if found else None)
