"""Imports in Postgres: what waits, what a server reads under a lease, and how it ended.

A server writes only while its row is `reading` and the attempt is its own. A row that was cancelled, or that another
server has taken over after the lease, is left alone by the first one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from pydantic import BaseModel

from graph.knowledge.data import NotFoundError, Text
from graph.knowledge.imports import drafts
from graph.knowledge.imports.formats import File
from graph.knowledge.imports.problems import ImportProblem
from graph.knowledge.store import KnowledgeStore
from graph.server.postgres import LoopPool, persistent

LEASE_SECONDS = 30
ATTEMPTS_LIMIT = 3
ROWS_DAYS = 30
ROWS_SHOWN = 50
COLUMNS = "id, name, url, source_id, state, progress, problem_code, problem, created_at, ended_at"
OPEN = f"""SELECT {COLUMNS} FROM knowledge.import
    WHERE state IN ('waiting', 'reading') AND (digest = %(digest)s OR url = %(url)s)
      AND source_id IS NOT DISTINCT FROM %(source_id)s::uuid ORDER BY created_at LIMIT 1"""  # noqa: S608 - constants
ADD = f"""INSERT INTO knowledge.import (name, url, content, digest, source_id, state, progress, ended_at)
    VALUES (%(name)s, %(url)s, %(content)s, %(digest)s, %(source_id)s, %(state)s, %(progress)s,
            CASE WHEN %(state)s = 'done' THEN now() END) RETURNING {COLUMNS}"""  # noqa: S608 - constants
FORGET = "DELETE FROM knowledge.import WHERE created_at < now() - make_interval(days => %s)"
CLAIM = """UPDATE knowledge.import SET state = 'reading', progress = 0, attempt = attempt + 1,
        lease_until = now() + make_interval(secs => %(lease)s)
    WHERE id = (SELECT id FROM knowledge.import WHERE (state = 'waiting' OR state = 'reading' AND lease_until < now())
        AND attempt < %(attempts)s ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, attempt, name, url, content"""
GIVE_UP = """UPDATE knowledge.import SET state = 'failed', problem_code = %(code)s, problem = %(problem)s,
        content = NULL, ended_at = now()
    WHERE state = 'reading' AND lease_until < now() AND attempt >= %(attempts)s"""
MINE = "id = %(id)s AND attempt = %(attempt)s AND state = 'reading'"
KEEP = f"""UPDATE knowledge.import SET progress = %(progress)s, lease_until = now() + make_interval(secs => %(lease)s)
    WHERE {MINE}"""  # noqa: S608 - constants
FAIL = f"""UPDATE knowledge.import SET state = 'failed', problem_code = %(code)s, problem = %(problem)s, content = NULL,
    ended_at = now() WHERE {MINE}"""  # noqa: S608 - constants
FINISH = f"""UPDATE knowledge.import SET state = 'done', progress = 100, content = NULL, ended_at = now()
    WHERE {MINE} RETURNING source_id"""  # noqa: S608 - constants
CANCEL = f"""UPDATE knowledge.import SET state = 'cancelled', content = NULL, ended_at = now()
    WHERE id = %s AND state IN ('waiting', 'reading') RETURNING {COLUMNS}"""  # noqa: S608 - constants

Connection = AsyncConnection[DictRow]


class Import(BaseModel):
    """An import, as people see it; progress: in percent; source_id: the first text that was read."""

    id: UUID
    name: str
    url: str | None
    source_id: UUID | None
    state: Literal["waiting", "reading", "done", "failed", "cancelled"]
    progress: int
    problem_code: str | None
    problem: str | None
    created_at: datetime
    ended_at: datetime | None


class Claimed(BaseModel):
    """An import that this server reads: a file (`content`) or a web page (`url`)."""

    id: UUID
    attempt: int
    name: str
    url: str | None
    content: bytes | None


class Imports:
    """The imports of the last ROWS_DAYS days. All methods raise psycopg.Error while Postgres is unavailable."""

    def __init__(self, pool: LoopPool, sources: KnowledgeStore) -> None:
        self._pool = pool
        self._sources = sources

    async def add_file(self, name: str, content: bytes, source_id: UUID | None) -> Import:
        """Let a file be read into a new source, or into a draft of `source_id`; the same file twice changes nothing."""
        file = {"name": name, "url": None, "content": content, "digest": _digest(content)}
        return await self._add(file | {"source_id": source_id})

    async def add_page(self, url: str, source_id: UUID | None) -> Import:
        """Let a web page be read into its source, or into a draft of `source_id`."""
        page = {"name": url, "url": url, "content": None, "digest": None}
        return await self._add(page | {"source_id": source_id})

    @persistent
    async def newest(self) -> list[Import]:
        """Return the last imports, the newest first."""
        async with (await self._pool.get()).connection() as connection:
            rows = await connection.execute(
                f"SELECT {COLUMNS} FROM knowledge.import ORDER BY created_at DESC LIMIT {ROWS_SHOWN}"  # noqa: S608
            )
            return [Import.model_validate(row) for row in await rows.fetchall()]

    @persistent
    async def one(self, import_id: UUID) -> Import:
        """Return an import. Raises NotFoundError."""
        async with (await self._pool.get()).connection() as connection:
            return await _one(connection, import_id)

    async def cancel(self, import_id: UUID) -> Import:
        """End an import that waits or is read; one that has ended stays as it is. Raises NotFoundError."""
        async with (await self._pool.get()).connection() as connection:
            row = await (await connection.execute(CANCEL, [import_id])).fetchone()
            return Import.model_validate(row) if row else await _one(connection, import_id)

    async def claim(self) -> Claimed | None:
        """Take the import that waits longest, or whose server does not renew its lease; None if there is none."""
        interrupted = ImportProblem("interrupted")
        given_up = {"code": interrupted.code, "problem": str(interrupted), "attempts": ATTEMPTS_LIMIT}
        async with (await self._pool.get()).connection() as connection:
            await connection.execute(GIVE_UP, given_up)
            await connection.execute(FORGET, [ROWS_DAYS])
            claimed = await connection.execute(CLAIM, {"lease": LEASE_SECONDS, "attempts": ATTEMPTS_LIMIT})
            row = await claimed.fetchone()
            return Claimed.model_validate(row) if row else None

    async def keep(self, claimed: Claimed, progress: int) -> bool:
        """Renew the lease and note the progress; return False if the import is not this server's any more."""
        return await self._change(KEEP, claimed, progress=progress, lease=LEASE_SECONDS)

    async def fail(self, claimed: Claimed, problem: ImportProblem) -> None:
        """End an import with what is wrong."""
        await self._change(FAIL, claimed, code=problem.code, problem=str(problem))

    async def finish(self, claimed: Claimed, file: File, texts: Sequence[Text]) -> bool:
        """Write the texts as drafts and end the import, both or neither; return False if it is not this server's."""
        digest = texts[0].digest if file.url else _digest(file.content)
        async with self._sources.changing() as connection:
            finished = await connection.execute(FINISH, {"id": claimed.id, "attempt": claimed.attempt})
            row = await finished.fetchone()
            if row is None:
                return False
            source = await drafts.write(connection, texts, digest, file.url, row["source_id"])
            await connection.execute("UPDATE knowledge.import SET source_id = %s WHERE id = %s", [source, claimed.id])
        return True

    async def _add(self, values: dict[str, Any]) -> Import:
        async with self._sources.changing() as connection:
            if values["source_id"]:
                await _check_source(connection, values["source_id"])
            if known := await drafts.known_source(connection, values["digest"], values["source_id"]):
                done = {"content": None, "source_id": known, "state": "done", "progress": 100}
                return await _inserted(connection, values | done)
            if row := await (await connection.execute(OPEN, values)).fetchone():
                return Import.model_validate(row)
            return await _inserted(connection, values | {"state": "waiting", "progress": 0})

    async def _change(self, statement: str, claimed: Claimed, **values: object) -> bool:
        async with (await self._pool.get()).connection() as connection:
            changed = await connection.execute(statement, {"id": claimed.id, "attempt": claimed.attempt, **values})
            return bool(changed.rowcount)


async def _check_source(connection: Connection, source_id: UUID) -> None:
    found = await connection.execute("SELECT FROM knowledge.source WHERE id = %s", [source_id])
    if await found.fetchone() is None:
        raise NotFoundError


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _inserted(connection: Connection, values: dict[str, Any]) -> Import:
    return Import.model_validate(await (await connection.execute(ADD, values)).fetchone())


async def _one(connection: Connection, import_id: UUID) -> Import:
    rows = await connection.execute(f"SELECT {COLUMNS} FROM knowledge.import WHERE id = %s", [import_id])  # noqa: S608
    row = await rows.fetchone()
    if row is None:
        raise NotFoundError
    return Import.model_validate(row)
