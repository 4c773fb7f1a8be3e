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
_BLOCK_BITS = 13  # a block is of 8,192 messages, as the index says it
_BLOCKS, _RECENT_BLOCKS = 256, 16  # that a search looks into: for words, and first of all for beginnings of words
_MOST_JUDGED = 2000  # messages with the words, of which a person may see all or none
_MOST_SIMILAR, _GUESS_MS = 2000, 120  # names that are compared, and for how long they are looked for
_SIMILAR = 0.4  # of 1, at least; two letters wrong in a word of seven
_NUMBER = re.compile(r"[\d\s()+.-]+")
_HEADLINE = f"StartSel={BEGINS}, StopSel={ENDS}, MaxWords=24, MinWords=12"

# As the index says it; place: of the message, in a conversation ('@') or in a block ('#', migration 0120).
_WORDS = "message_words(m.content, m.seq, m.conversation_id)"
_HAS_ANYWHERE = f"{_WORDS} @@ %(query)s::tsquery"
# Two conditions: the index then leaps in the lists of both. It would follow one list to its end for a single query.
_HAS = f"{_HAS_ANYWHERE} AND {_WORDS} @@ (%(place)s)::tsquery"
_SHOWN = """m.group_id IS NULL AND m.amends IS NULL AND m.type NOT IN ('reaction', 'edit', 'revoke')
            AND m.revoked_at IS NULL"""


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


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits. next: the place (seq) before which the next page begins, None: there is none.

    sought: whether all messages down to `next` were looked at, and there is a hit after it; if not, they are too many
    for one search, and the next page goes on.
    """

    hits: list[Hit]
    next: int | None = None
    sought: bool = True


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
    conn: Connection, person: Person, words: str, *, limit: int = 20, before: int | None = None
) -> Found:
    """Return messages with all these words, the newest first; with none, those in which the last one only begins.

    before: a place (seq) after which the page begins.
    """
    query, newest = await _query(conn, words)
    if not query or newest is None:
        return Found([])
    end = newest + 1 if before is None else min(before, newest + 1)
    found = await _found(conn, person, query, limit, await _newest(conn, person, query, end, limit))
    if found.hits or not _may_be_begun(query, words):
        return found
    begun = f"{query}:*"
    return await _found(conn, person, begun, limit, await _begun(conn, person, begun, end, limit))


async def inside(conn: Connection, words: str, conversation_id: UUID, *, limit: int = 100) -> list[tuple[UUID, int]]:
    """Return id and place (seq) of a conversation's messages with these words, as `messages` does."""
    query, _ = await _query(conn, words)
    for one in (query, f"{query}:*") if _may_be_begun(query, words) else (query,):
        cursor = await conn.execute(
            f"""SELECT m.id, m.seq FROM message m WHERE {_HAS} AND {_SHOWN}
                ORDER BY m.seq + 0 DESC LIMIT %(limit)s""",  # noqa: S608  # constants
            {"query": one, "place": f"'@{conversation_id}'", "limit": limit},
            prepare=False,
        )
        if found := [(id_, seq) for id_, seq in await cursor.fetchall()]:
            return found
    return []


def _may_be_begun(query: str, words: str) -> bool:
    return query.endswith("'") and len(words) >= SHORTEST


async def _query(conn: Connection, words: str) -> tuple[str, int | None]:
    """Return a query for the words in Postgres' own writing, and the place of the newest message.

    The query is empty where the words are too common or none.
    """
    cursor = await conn.execute(
        "SELECT plainto_tsquery('searched', %s)::text, (SELECT max(seq) FROM message)", (words.replace("\0", ""),)
    )
    return await cursor.fetchone() or ("", None)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Places of messages with the words, the newest first; end: nothing before it was looked at, None: all was."""

    places: list[int]
    end: int | None


def _most(person: Person, limit: int) -> int:
    """Return how many messages are looked up: all that a person finds are shown, unless their departments forbid it."""
    return limit + 1 if person.departments is None else max(_MOST_JUDGED, limit + 1)


async def _newest(conn: Connection, person: Person, query: str, end: int, limit: int) -> _Candidates:
    """Look a query up in one block of messages after the other, the newest first, until there are enough.

    The index gives all places of a word at once, and those of a frequent one take long; of one block it gives few.
    """
    newest, most = (end - 1) >> _BLOCK_BITS, _most(person, limit)
    oldest = max(0, newest - _BLOCKS + 1)
    cursor = await conn.execute(
        f"""SELECT m.seq FROM generate_series(%(newest)s::bigint, %(oldest)s::bigint, -1) block
            CROSS JOIN LATERAL (
                SELECT m.seq FROM message m
                WHERE {_HAS} AND {_SHOWN} AND m.seq < %(end)s ORDER BY m.seq + 0 DESC LIMIT %(most)s) m
            LIMIT %(most)s""".replace("%(place)s", "quote_literal('#' || block)"),  # noqa: S608  # constants
        {"query": query, "newest": newest, "oldest": oldest, "end": end, "most": most},
        prepare=False,
    )
    places = [row[0] for row in await cursor.fetchall()]
    if len(places) == most:
        return _Candidates(places, places[-1])
    return _Candidates(places, oldest << _BLOCK_BITS or None)


async def _begun(conn: Connection, person: Person, query: str, end: int, limit: int) -> _Candidates:
    """Look up a query whose last word only begins: among the newest messages, then among all.

    The index gathers all words with this beginning each time that it is asked, so it is not asked block by block.
    """
    newest, most = (end - 1) >> _BLOCK_BITS, _most(person, limit)
    recent = " | ".join(f"'#{block}'" for block in range(newest, max(-1, newest - _RECENT_BLOCKS), -1))
    places: list[int] = []
    for place in (recent, None):
        cursor = await conn.execute(
            f"""SELECT m.seq FROM message m WHERE {_HAS if place else _HAS_ANYWHERE} AND {_SHOWN} AND m.seq < %(end)s
                ORDER BY m.seq + 0 DESC LIMIT %(most)s""",  # noqa: S608  # constants
            {"query": query, "place": place, "end": end, "most": most},
            prepare=False,
        )
        places = [row[0] for row in await cursor.fetchall()]
        if len(places) == most or newest < _RECENT_BLOCKS:
            break
    return _Candidates(places, places[-1] if len(places) == most else None)


async def _found(conn: Connection, person: Person, query: str, limit: int, candidates: _Candidates) -> Found:
    """Return the candidates that a person sees, as a page of hits."""
    hits = await _hits(conn, person, query, candidates.places, limit + 1) if candidates.places else []
    if len(hits) > limit:
        return Found(hits[:limit], next=hits[limit - 1].seq)
    return Found(hits, next=candidates.end, sought=candidates.end is None)


async def _hits(conn: Connection, person: Person, query: str, places: list[int], limit: int) -> list[Hit]:
    async with conn.cursor(row_factory=class_row(Hit)) as cursor:
        await cursor.execute(
            f"""WITH m AS MATERIALIZED (
                    SELECT m.*, c.contact_id FROM message m JOIN conversation c ON c.id = m.conversation_id
                    WHERE m.seq = ANY(%(places)s) AND {SEEN} ORDER BY m.seq DESC LIMIT %(limit)s)
                SELECT m.id, m.seq, m.conversation_id, m.contact_id, k.name AS customer_name, m.direction, m.author,
                       coalesce(m.sent_at, m.created_at) AS at,
                       ts_headline('searched', message_text(m.content), %(query)s::tsquery, '{_HEADLINE}') AS text
                FROM m JOIN contact k ON k.id = m.contact_id ORDER BY m.seq DESC""",  # noqa: S608  # constants
            {"places": places, "sees": person.departments, "query": query, "limit": limit},
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
