"""Questions that got no answer (*sem resposta*): a list for people who write the missing answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from graph.server.postgres import LoopPool, persistent

QUESTION_LIMIT = 1000  # characters
NOTE_LIMIT = 500
Reason = Literal["nothing", "handoff", "thumb"]
# A question in vain stays one, also if a person was called after it; a person's word about the answer is the last one.
ADD = """INSERT INTO knowledge.unanswered (turn_id, question, department, channel_id, thread_id, reason, note)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (turn_id, question) DO UPDATE
    SET reason = excluded.reason, note = excluded.note WHERE excluded.reason = 'thumb'"""
OF_THREADS = "SELECT question, asked_at FROM knowledge.unanswered WHERE thread_id = ANY(%s) ORDER BY id"
ERASE = "DELETE FROM knowledge.unanswered WHERE thread_id = ANY(%s)"
FORGET = "DELETE FROM knowledge.unanswered WHERE asked_at < now() - make_interval(days => %s)"
NEWEST = """SELECT id, turn_id, question, department, channel_id, reason, note, source_id, asked_at
    FROM knowledge.unanswered ORDER BY id DESC LIMIT %s"""


class Question(BaseModel):
    """A question that got no answer. note: why a person found the answer bad; source_id: a draft that answers it."""

    id: int
    turn_id: str
    question: str
    department: str | None
    channel_id: str | None
    reason: Reason
    note: str
    source_id: UUID | None
    asked_at: datetime


class Unanswered:
    """The questions of the last `days` days."""

    def __init__(self, pool: LoopPool, days: int) -> None:
        self._pool = pool
        self._days = days

    @persistent
    async def add(
        self,
        turn_id: str,
        question: str,
        department: str | None,
        channel_id: str | None,
        thread_id: str | None = None,
        reason: Reason = "nothing",
        note: str = "",
    ) -> None:
        """Keep a question, masked before, once for a turn; delete those that are too old."""
        values = [turn_id, question[:QUESTION_LIMIT], department, channel_id, thread_id, reason, note[:NOTE_LIMIT]]
        async with (await self._pool.get()).connection() as connection:
            await connection.execute(ADD, values)
            await connection.execute(FORGET, [self._days])

    @persistent
    async def newest(self, limit: int) -> list[Question]:
        """Return the last questions, the newest first."""
        async with (await self._pool.get()).connection() as connection:
            await connection.execute(FORGET, [self._days])
            rows = await connection.execute(NEWEST, [limit])
            return [Question.model_validate(row) for row in await rows.fetchall()]

    @persistent
    async def of_threads(self, threads: Sequence[str]) -> list[dict[str, str]]:
        """Return the questions of some conversations, each with its time, oldest first."""
        async with (await self._pool.get()).connection() as connection:
            rows = await (await connection.execute(OF_THREADS, [list(threads)])).fetchall()
            return [{"question": row["question"], "asked_at": row["asked_at"].isoformat()} for row in rows]

    @persistent
    async def erase(self, threads: Sequence[str]) -> int:
        """Delete the questions of some conversations; return their number."""
        async with (await self._pool.get()).connection() as connection:
            return (await connection.execute(ERASE, [list(threads)])).rowcount

    @persistent
    async def remove(self, question_ids: Sequence[int]) -> None:
        """Delete questions, because they have an answer now or need none."""
        async with (await self._pool.get()).connection() as connection:
            await connection.execute("DELETE FROM knowledge.unanswered WHERE id = ANY(%s)", [list(question_ids)])

    @persistent
    async def answer_by(self, question_ids: Sequence[int], source_id: UUID) -> None:
        """Note the draft that is to answer questions; they go once it is published."""
        async with (await self._pool.get()).connection() as connection:
            await connection.execute(
                "UPDATE knowledge.unanswered SET source_id = %s WHERE id = ANY(%s)", [source_id, list(question_ids)]
            )
