"""Sources and their versions in Postgres: write, publish, take back, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.knowledge.data import NotFoundError, Passage, Text, Version
from graph.knowledge.passages import passages_of
from graph.knowledge.words import words_of
from graph.server.postgres import LoopPool, persistent

RETIRED_KEPT = 10  # older versions of a source, for people to look up
LIST_LIMIT = 200
COLUMNS = """v.source_id, s.kind, s.origin, s.address, v.number, v.state, v.title, v.wordings, v.content, v.department,
    v.channel_id, v.owner, v.link, v.valid_from, v.valid_until, v.written_at, v.published_at"""
VERSIONS = f"SELECT {COLUMNS} FROM knowledge.version v JOIN knowledge.source s ON s.id = v.source_id"  # noqa: S608 - constants
# The newest version of each source, drafts first.
NEWEST = f"""SELECT * FROM (SELECT DISTINCT ON (v.source_id) {COLUMNS}
    FROM knowledge.version v JOIN knowledge.source s ON s.id = v.source_id
    ORDER BY v.source_id, v.state = 'draft' DESC, v.number DESC) newest
    WHERE strpos(lower(title), lower(%(words)s)) > 0 OR strpos(lower(content), lower(%(words)s)) > 0
    ORDER BY written_at DESC, source_id LIMIT %(limit)s"""  # noqa: S608 - constants
ADD_SOURCE = """INSERT INTO knowledge.source (kind, origin) VALUES (%(kind)s, %(origin)s)
    ON CONFLICT (origin) DO UPDATE SET kind = excluded.kind RETURNING id"""
ADD_VERSION = """INSERT INTO knowledge.version (source_id, number, title, wordings, content, department, channel_id,
    owner, link, valid_from, valid_until, digest, passages)
    SELECT %(source_id)s, coalesce(max(number), 0) + 1, %(title)s, %(wordings)s, %(content)s, %(department)s,
        %(channel_id)s, %(owner)s, %(link)s, %(valid_from)s, %(valid_until)s, %(digest)s,
        %(passages)s
    FROM knowledge.version WHERE source_id = %(source_id)s RETURNING id, number"""
# The question counts most, then its other wordings, then the answer.
ADD_PASSAGE = """INSERT INTO knowledge.passage (version_id, position, title, wordings, body, search)
    VALUES (%(version)s, %(position)s, %(title)s, %(wordings)s, %(body)s,
        setweight(to_tsvector('knowledge.searched', %(asked)s), 'A') ||
        setweight(to_tsvector('knowledge.searched', %(told)s), 'B'))"""
RETIRE = """UPDATE knowledge.version SET state = 'retired' WHERE source_id = %s AND state = 'published'"""
PUBLISH = """UPDATE knowledge.version SET state = 'published', published_at = now()
    WHERE source_id = %s AND state = 'draft' RETURNING number"""
FORGET_OLD = """DELETE FROM knowledge.version WHERE source_id = %(id)s AND state = 'retired' AND number NOT IN (
    SELECT number FROM knowledge.version WHERE source_id = %(id)s AND state = 'retired'
    ORDER BY number DESC LIMIT %(kept)s)"""
PUBLISHED_WORDS = """SELECT p.title, p.wordings, p.body FROM knowledge.passage p
    JOIN knowledge.version v ON v.id = p.version_id WHERE v.state = 'published'"""
# How many published passages have a word's stem.
COUNT = """WITH counted AS MATERIALIZED (SELECT word AS lexeme, ndoc AS passages FROM ts_stat('
        SELECT p.search FROM knowledge.passage p
        JOIN knowledge.version v ON v.id = p.version_id WHERE v.state = ''published''')),
    gone AS (DELETE FROM knowledge.lexeme WHERE lexeme NOT IN (SELECT counted.lexeme FROM counted))
    INSERT INTO knowledge.lexeme AS known SELECT lexeme, passages FROM counted
    ON CONFLICT (lexeme) DO UPDATE SET passages = excluded.passages WHERE known.passages <> excluded.passages"""

Connection = AsyncConnection[DictRow]


class KnowledgeStore:
    """The sources. All methods raise psycopg.OperationalError while Postgres is unavailable."""

    def __init__(self, pool: LoopPool) -> None:
        self._pool = pool

    @persistent
    async def sources(self, words: str = "", limit: int = LIST_LIMIT) -> list[Version]:
        """Return the newest version of each source that has these words, the last written first."""
        async with (await self._pool.get()).connection() as connection:
            rows = await connection.execute(NEWEST, {"words": words, "limit": limit})
            return [Version.model_validate(row) for row in await rows.fetchall()]

    @persistent
    async def versions(self, source_id: UUID) -> list[Version]:
        """Return all versions of a source, the newest first; none if it does not exist."""
        async with (await self._pool.get()).connection() as connection:
            rows = await connection.execute(f"{VERSIONS} WHERE s.id = %s ORDER BY v.number DESC", [source_id])
            return [Version.model_validate(row) for row in await rows.fetchall()]

    async def write(self, text: Text, source_id: UUID | None = None) -> Version:
        """Write a draft: of a new source, or in place of the source's draft. Raises NotFoundError."""
        async with self.changing() as connection:
            return await write_draft(connection, text, source_id)

    async def publish(self, source_id: UUID) -> int:
        """Let the draft take the place of the published version; return its number. Raises NotFoundError."""
        async with self.changing() as connection:
            number = await _publish(connection, source_id)
            await _refresh_words(connection)
            return number

    async def take_back(self, source_id: UUID) -> None:
        """Use the source no longer; its versions stay. Raises NotFoundError if none is published."""
        async with self.changing() as connection:
            if not (await connection.execute(RETIRE, [source_id])).rowcount:
                raise NotFoundError
            await _refresh_words(connection)

    async def delete(self, source_id: UUID) -> None:
        """Delete a source with all its versions. Raises NotFoundError."""
        async with self.changing() as connection:
            gone = await connection.execute("DELETE FROM knowledge.source WHERE id = %s", [source_id])
            if not gone.rowcount:
                raise NotFoundError
            await _refresh_words(connection)

    async def replace(self, prefix: str, texts: dict[str, Text], failed: Iterable[str] = ()) -> tuple[int, int]:
        """Let the published sources whose origin begins with `prefix` be exactly these, by the rest of their origin.

        Texts that are published already stay as they are, and so do the origins of `failed` files. Return how many were
        published and how many taken back. Drafts of people stay.
        """
        async with self.changing() as connection:
            known = await _published(connection, prefix)
            kept = tuple(f"{prefix}{name}" for name in failed)
            new = {origin: one for name, one in texts.items() if known.get(origin := f"{prefix}{name}") != one.digest}
            gone = [
                one for one in known if one.removeprefix(prefix) not in texts and not one.startswith(kept or ("\0",))
            ]
            for origin, text in new.items():
                await _publish_text(connection, origin, text)
            for origin in gone:
                source = await _source_of(connection, origin)
                await connection.execute(RETIRE, [source])
            if new or gone:
                await _refresh_words(connection)
        return len(new), len(gone)

    async def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        await self._pool.close()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Connection]:
        """Open a transaction that no other change runs beside."""
        async with (await self._pool.get()).connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('graph.knowledge', 0))")
            yield connection


async def write_draft(
    connection: Connection, text: Text, source_id: UUID | None = None, origin: str | None = None
) -> Version:
    """Write a draft within a change, as `KnowledgeStore.write` does. Raises NotFoundError."""
    source = await _source(connection, text, source_id, origin)
    await connection.execute("DELETE FROM knowledge.version WHERE source_id = %s AND state = 'draft'", [source])
    return await _write(connection, source, text)


async def _source(connection: Connection, text: Text, source_id: UUID | None, origin: str | None) -> UUID:
    if source_id is None:
        row = await (await connection.execute(ADD_SOURCE, {"kind": text.kind, "origin": origin})).fetchone()
        assert row is not None  # noqa: S101 - RETURNING
        return UUID(str(row["id"]))
    changed = await connection.execute("UPDATE knowledge.source SET kind = %s WHERE id = %s", [text.kind, source_id])
    if not changed.rowcount:
        raise NotFoundError
    return source_id


async def _source_of(connection: Connection, origin: str) -> UUID:
    row = await (await connection.execute("SELECT id FROM knowledge.source WHERE origin = %s", [origin])).fetchone()
    assert row is not None  # noqa: S101 - read under the lock
    return UUID(str(row["id"]))


async def _write(connection: Connection, source_id: UUID, text: Text) -> Version:
    passages = passages_of(text)
    values: dict[str, Any] = text.model_dump() | {"source_id": source_id, "digest": text.digest}
    values["passages"] = len(passages)
    row = await (await connection.execute(ADD_VERSION, values)).fetchone()
    assert row is not None  # noqa: S101 - RETURNING
    await _add_passages(connection, row["id"], passages)
    written = await connection.execute(f"{VERSIONS} WHERE v.id = %s", [row["id"]])
    return Version.model_validate(await written.fetchone())


async def _add_passages(connection: Connection, version_id: int, passages: Sequence[Passage]) -> None:
    rows = [
        one.model_dump()
        | {
            "version": version_id,
            "position": place,
            "asked": " ".join([one.heading, *one.wordings]),
            "told": f"{one.title} {one.body}",
        }
        for place, one in enumerate(passages)
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(ADD_PASSAGE, rows)


async def _publish(connection: Connection, source_id: UUID) -> int:
    await connection.execute(RETIRE, [source_id])
    row = await (await connection.execute(PUBLISH, [source_id])).fetchone()
    if row is None:
        raise NotFoundError  # takes the retirement back too
    await connection.execute(FORGET_OLD, {"id": source_id, "kept": RETIRED_KEPT})
    await connection.execute("DELETE FROM knowledge.unanswered WHERE source_id = %s", [source_id])
    return int(row["number"])


async def _publish_text(connection: Connection, origin: str, text: Text) -> None:
    draft = await write_draft(connection, text, None, origin)
    await _publish(connection, draft.source_id)


async def _published(connection: Connection, prefix: str) -> dict[str, str]:
    """Return the digests of the published versions, by origin."""
    rows = await connection.execute(
        "SELECT s.origin, v.digest FROM knowledge.source s JOIN knowledge.version v ON v.source_id = s.id"
        " WHERE v.state = 'published' AND starts_with(s.origin, %s)",
        [prefix],
    )
    return {row["origin"]: row["digest"] for row in await rows.fetchall()}


async def _refresh_words(connection: Connection) -> None:
    """Let the words, and the counts of their stems, be those of the published passages."""
    found: set[str] = set()
    async for row in await connection.execute(PUBLISHED_WORDS):
        found.update(words_of(" ".join([row["title"], *row["wordings"], row["body"]])))
    await connection.execute("DELETE FROM knowledge.word WHERE word <> ALL(%s)", [list(found)])
    await connection.execute(
        "INSERT INTO knowledge.word SELECT * FROM unnest(%s::text[]) ON CONFLICT DO NOTHING", [list(found)]
    )
    await connection.execute(COUNT)
