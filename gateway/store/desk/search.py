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

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.desk.lists import ROW, SEEN, Page, Row, parsed
from gateway.store.people.people import Person

#: The fewest letters or digits that are looked for: the indexes know no shorter parts.
SHORTEST = 3
#: What encloses the words that were found in a Hit's text.
BEGINS, ENDS = "\x02", "\x03"
_MOST_WORDS = 8
_RECENT = 20_000  # messages
_SIMILAR = 0.4  # of 1, at least; two letters wrong in a word of seven
_NUMBER = re.compile(r"[\d\s()+.-]+")
_HEADLINE = f"StartSel={BEGINS}, StopSel={ENDS}, MaxWords=24, MinWords=12"

# As the index says it.
_VECTOR = "to_tsvector('searched', message_text(m.content))"
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
    """Return conversations of customers whose names are like these words, for where the words have typing errors."""
    plain = " ".join(_words(words))
    if len(plain) < SHORTEST:
        return []
    async with conn.transaction():
        await conn.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", (str(_SIMILAR),))
        cursor = await conn.execute(
            """SELECT id FROM contact WHERE plain(%(words)s) <%% contact_words(name, user_name)
               ORDER BY plain(%(words)s) <<-> contact_words(name, user_name), id LIMIT %(limit)s""",
            {"words": plain, "limit": limit},
            prepare=False,
        )
        ids = [row[0] for row in await cursor.fetchall()]
    values = {"ids": ids, "limit": limit}
    return await _rows(
        conn, person, values, "c.contact_id = ANY(%(ids)s)", "array_position(%(ids)s::uuid[], c.contact_id), c.id"
    )


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
    """Look among the newest messages first: common words are found there, and rare ones have few messages in all."""
    cursor = await conn.execute("SELECT coalesce(%s, (SELECT max(seq) FROM message), 0)", (values["before"],))
    row = await cursor.fetchone()
    newest = row[0] if row else 0
    found = await _hits(conn, values, newest - _RECENT)
    return found if len(found) == values["limit"] or newest <= _RECENT else await _hits(conn, values, 0)


async def _hits(conn: Connection, values: dict[str, Any], since: int) -> list[Hit]:
    inside = "m.conversation_id = %(conversation)s" if values["conversation"] else "true"
    after = "m.seq > %(since)s" if since > 0 else "true"
    before = "m.seq < %(before)s" if values["before"] is not None else "true"
    async with conn.cursor(row_factory=class_row(Hit)) as cursor:
        # `seq + 0`: Postgres then looks the words up, instead of reading messages by place until it has enough.
        await cursor.execute(
            f"""WITH m AS MATERIALIZED (
                    SELECT m.* FROM message m JOIN conversation c ON c.id = m.conversation_id
                    WHERE {_VECTOR} @@ %(query)s::tsquery AND {_SHOWN} AND m.revoked_at IS NULL
                      AND {inside} AND {after} AND {before} AND {SEEN}
                    ORDER BY m.seq + 0 DESC LIMIT %(limit)s)
                SELECT m.id, m.seq, m.conversation_id, c.contact_id, k.name AS customer_name, m.direction, m.author,
                       coalesce(m.sent_at, m.created_at) AS at,
                       ts_headline('searched', message_text(m.content), %(query)s::tsquery, '{_HEADLINE}') AS text
                FROM m JOIN conversation c ON c.id = m.conversation_id JOIN contact k ON k.id = c.contact_id
                ORDER BY m.seq DESC""",  # noqa: S608  # constants
            {**values, "since": since},
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
