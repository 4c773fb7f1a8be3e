"""Search: customers by names, user names and numbers, and messages by their words.

Names match in any part and without regard to accents; numbers match in any part, with or without +55 and the ninth
digit. A person whose numbers are masked finds nobody by a number, since each search would tell a part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import QueryCanceled
from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.desk.lists import ROW, SEEN, Page, Row, parsed
from gateway.store.people.people import Person

#: The fewest letters or digits that are looked for: the indexes know no shorter parts.
SHORTEST = 3
#: What encloses the words that were found in a Hit's text.
BEGINS, ENDS = "\x02", "\x03"
_MOST_WORDS = 8
_READ, _RECENT = 300, 20_000  # messages
_MOST_SIMILAR, _GUESS_MS = 2000, 250  # names that are compared, and for how long they are looked for
_SIMILAR = 0.4  # of 1, at least; two letters wrong in a word of seven
_NUMBER = re.compile(r"[\d\s()+.-]+")
_HEADLINE = f"StartSel={BEGINS}, StopSel={ENDS}, MaxWords=24, MinWords=12"

# As the index says it.
_VECTOR = "to_tsvector('searched', message_text(m.content))"
_SEEN = f"(SELECT {SEEN} FROM conversation c WHERE c.id = m.conversation_id)"  # noqa: S608  # constants
_SHOWN = "m.group_id IS NULL AND m.amends IS NULL AND m.type NOT IN ('reaction', 'edit', 'revoke')"


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found. seq: where the next page begins; text: around the words, each in BEGINS and ENDS."""

    id: UUID
    seq: int
    conversation_id: UUID
    contact_id: UUID
    customer_name: str | None
    direction: str
    author: str
    at: datetime
    text: str


async def customers(conn: Connection, person: Person, words: str, *, limit: int = 10, after: str | None = None) -> Page:
    """Return conversations of customers who are found by name, user name or number, the newest message first.

    Raises ValueError for a cursor that is none.
    """
    named, values = _named(words)
    numbered, more = _numbered(person, words)
    found = " UNION ".join(filter(None, (named, numbered)))
    if not found:
        return Page([], None)
    place = "true"
    if after is not None:
        more["at"], more["after"] = parsed(after)
        place = "(c.last_at, c.id) < (%(at)s::timestamptz, %(after)s::uuid)"
    rows = await _rows(
        conn, person, values | more | {"limit": limit + 1},
        f"c.contact_id IN ({found}) AND {place}", "c.last_at DESC, c.id DESC",
    )  # fmt: skip
    return Page(rows[:limit], rows[limit - 1].cursor if len(rows) > limit else None)


async def similar(conn: Connection, person: Person, words: str, *, limit: int = 10) -> list[Row]:
    """Return conversations of customers whose names are like these words, for where the words have typing errors.

    It is a guess: of very many such names some are compared, and nobody waits longer than a moment for it.
    """
    ids = await _similar(conn, " ".join(_words(words)), limit)
    if not ids:
        return []
    values = {"ids": ids, "limit": limit}
    return await _rows(
        conn, person, values, "c.contact_id = ANY(%(ids)s)", "array_position(%(ids)s::uuid[], c.contact_id), c.id"
    )


async def _similar(conn: Connection, plain: str, limit: int) -> list[UUID]:
    """Return contacts whose names are like these words, the likest first; none where that takes too long."""
    if len(plain) < SHORTEST:
        return []
    try:
        async with conn.transaction():
            await conn.execute(
                """SELECT set_config('pg_trgm.word_similarity_threshold', %s, true),
                          set_config('statement_timeout', %s, true)""",
                (str(_SIMILAR), str(_GUESS_MS)),
            )
            cursor = await conn.execute(
                """SELECT id FROM (SELECT id, contact_words(name, user_name) AS name FROM contact
                                   WHERE plain(%(words)s) <%% contact_words(name, user_name) LIMIT %(most)s) k
                   ORDER BY plain(%(words)s) <<-> name, id LIMIT %(limit)s""",
                {"words": plain, "limit": limit, "most": _MOST_SIMILAR},
                prepare=False,
            )
            return [row[0] for row in await cursor.fetchall()]
    except QueryCanceled:
        return []


async def messages(
    conn: Connection, person: Person, words: str, *, conversation_id: UUID | None = None, limit: int = 20,
    before: int | None = None,
) -> list[Hit]:  # fmt: skip
    """Return messages with all these words, the newest first; with none, those in which the last one only begins.

    conversation_id: look there only; before: a place (seq) after which the page begins.
    """
    query = await _query(conn, words)
    values = {"before": before, "conversation": conversation_id, "limit": limit, "sees": person.departments}
    found = await _messages(conn, {**values, "query": query}) if query else []
    if found or not query.endswith("'") or len(words) < SHORTEST:
        return found
    return await _messages(conn, {**values, "query": f"{query}:*"})


async def _query(conn: Connection, words: str) -> str:
    """Return a query for the words in Postgres' own writing; empty where they are too common or none."""
    cursor = await conn.execute("SELECT plainto_tsquery('searched', %s)::text", (words.replace("\0", ""),))
    row = await cursor.fetchone()
    return row[0] if row else ""


async def _messages(conn: Connection, values: dict[str, Any]) -> list[Hit]:
    """Read the newest messages, then look the words up among recent ones, then among all.

    The index gives all places of a word, whichever are asked for: those of a word in every message take a second of two
    million. Such words are found in the messages that are read.
    """
    inside = "m.conversation_id = %(conversation)s" if values["conversation"] else "true"
    before = "m.seq < %(before)s" if values["before"] is not None else "true"
    newest = f"SELECT m.seq FROM message m WHERE {inside} AND {before} ORDER BY m.seq DESC LIMIT {_READ}"  # noqa: S608
    cursor = await conn.execute(f"SELECT min(seq), max(seq), count(*) FROM ({newest}) m", values)  # noqa: S608
    oldest, latest, count = await cursor.fetchone() or (None, None, 0)
    if not count:
        return []
    read = f"(SELECT m.* FROM message m WHERE m.seq >= %(since)s AND {inside} AND {before} OFFSET 0)"  # noqa: S608
    places = [(oldest, read)]
    if count == _READ:
        recent = [(latest - _RECENT, "message")] if latest > _RECENT else []
        places += [*recent, (0, "message")]
    found: list[Hit] = []
    async with conn.transaction():
        # Starting workers takes longer than to read what most words lead to.
        await conn.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        for since, source in places:
            found = await _hits(conn, {**values, "since": since}, source, f"{inside} AND {before}")
            if len(found) == values["limit"]:
                break
    return found


async def _hits(conn: Connection, values: dict[str, Any], source: str, where: str) -> list[Hit]:
    since = "m.seq >= %(since)s" if values["since"] > 0 else "true"
    # A person who sees all conversations needs none of them read: half the work for a word of many messages.
    seen = "true" if values["sees"] is None else _SEEN
    async with conn.cursor(row_factory=class_row(Hit)) as cursor:
        # `seq + 0`: Postgres then looks the words up, instead of reading messages by place until it has enough.
        await cursor.execute(
            f"""WITH m AS MATERIALIZED (
                    SELECT m.* FROM {source} m
                    WHERE {_VECTOR} @@ %(query)s::tsquery AND {_SHOWN} AND m.revoked_at IS NULL
                      AND {where} AND {since} AND {seen}
                    ORDER BY m.seq + 0 DESC LIMIT %(limit)s)
                SELECT m.id, m.seq, m.conversation_id, c.contact_id, k.name AS customer_name, m.direction, m.author,
                       coalesce(m.sent_at, m.created_at) AS at,
                       ts_headline('searched', message_text(m.content), %(query)s::tsquery, '{_HEADLINE}') AS text
                FROM m JOIN conversation c ON c.id = m.conversation_id JOIN contact k ON k.id = c.contact_id
                ORDER BY m.seq DESC""",  # noqa: S608  # constants
            values,
            prepare=False,
        )
        return await cursor.fetchall()


async def _rows(conn: Connection, person: Person, values: dict[str, Any], condition: str, order: str) -> list[Row]:
    async with conn.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(
            f"""WITH c AS MATERIALIZED (
                    SELECT c.*, c.last_at::text || '|' || c.id AS cursor FROM conversation c
                    WHERE {condition} AND {SEEN} ORDER BY {order} LIMIT %(limit)s)
                {ROW} ORDER BY {order}""",  # noqa: S608  # constants
            {**values, "sees": person.departments, "reader": person.id},
            prepare=False,
        )
        return await cursor.fetchall()


def _words(words: str) -> list[str]:
    return re.findall(r"\w+", words)[:_MOST_WORDS]


def _named(words: str) -> tuple[str, dict[str, Any]]:
    """Return a query for contacts with each of these words in the name; empty where none is long enough."""
    found = _words(words)
    if not any(len(word) >= SHORTEST for word in found):
        return "", {}
    values = {f"word{place}": f"%{_literal(word)}%" for place, word in enumerate(found)}
    conditions = [f"contact_words(name, user_name) LIKE plain(%({name})s)" for name in values]
    return f"SELECT id FROM contact WHERE {' AND '.join(conditions)}", values  # noqa: S608  # constants


def _numbered(person: Person, words: str) -> tuple[str, dict[str, Any]]:
    """Return a query for contacts with these digits in a number; empty where they are not to be looked for."""
    digits = re.sub(r"\D", "", words).lstrip("0")
    if person.masks_numbers or len(digits) <= SHORTEST or not _NUMBER.fullmatch(words):
        return "", {}
    values = {"digits": f"%{digits}%", "short": f"%{_without_ninth(digits)}%"}
    number = "number_words(value)"
    return (
        f"""SELECT contact_id FROM contact_key WHERE kind IN ('wa_id', 'old_wa_id')
            AND ({number} LIKE %(digits)s OR {number} LIKE %(short)s)""",  # noqa: S608  # constants
        values,
    )


def _without_ninth(digits: str) -> str:
    """Return a Brazilian mobile number, written with or without 55 and the code of the area, without its first 9."""
    found = re.fullmatch(r"((?:55)?\d{2}|)9(\d{8})", digits)
    return found[1] + found[2] if found else digits


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
