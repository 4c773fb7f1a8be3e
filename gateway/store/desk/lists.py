"""Lists of conversations for a person: pages by keyset, counts, and one conversation's header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.desk.presence import VIEW_SECONDS
from gateway.store.people.people import Person

_MOST_UNREAD = 100  # counted; more are as many as these


@dataclass(frozen=True, slots=True)
class Filter:
    """Which conversations; None: all. states: such as `("waiting",)`; channel_id: the number; assignee_id: whose."""

    states: tuple[str, ...] | None = None
    assignee_id: UUID | None = None
    department: str | None = None
    channel_id: str | None = None
    tag_id: UUID | None = None

    @property
    def by_wait(self) -> bool:
        """Return whether the list is of those that wait: the longest wait comes first, else the newest message."""
        return self.states == ("waiting",)


@dataclass(slots=True)
class Row:
    """A conversation in a list, and the header of its page.

    version, newest: what the person saw, for the operations; newest: the `seq` of the customer's newest message.
    snoozed_until: the year 9999 where a reply ends it; unread: messages of the customer that the person has not read,
    of the open episode where they never read it, 100 at most. tags, viewers: JSON objects, `id, name, color` and
    `id, name, typing`. cursor: where the next page begins.
    """

    id: UUID
    channel_id: str
    contact_id: UUID
    customer_name: str | None
    state: str
    version: int
    assignee_id: UUID | None
    assignee_name: str | None
    department: str | None
    reason: str | None
    summary: str | None
    held_since: datetime | None
    held_until: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    waits_since: datetime | None
    last_inbound_at: datetime | None
    last_at: datetime
    last_text: str | None
    last_type: str | None
    last_author: str | None
    newest: int | None
    unread: int
    cursor: str
    tags: list[dict[str, Any]] = field(default_factory=list)
    viewers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """Conversations, and the cursor of the next page; None: there is none."""

    rows: list[Row]
    next: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations a person sees that wait for a person or are snoozed, and those that are theirs."""

    waiting: int
    snoozed: int
    own: list[UUID]

    @property
    def mine(self) -> int:
        """Return how many are theirs."""
        return len(self.own)


#: The condition that a person sees a conversation `c`; `sees`: the departments.
SEEN = "(%(sees)s::text[] IS NULL OR c.department IS NULL OR c.department = ANY(%(sees)s))"
_BY_WAIT = "coalesce(c.waits_since, 'infinity')"

#: Rows of the conversations `c`, for the person `reader`.
ROW = f"""
SELECT c.id, c.channel_id, c.contact_id, k.name AS customer_name, c.state, c.version, c.assignee_id,
       a.name AS assignee_name, c.department, c.handoff_reason AS reason, c.handoff_summary AS summary, c.held_since,
       c.held_until, c.snoozed_until, c.closed_at, c.waits_since, c.last_inbound_at, c.last_at, c.last_text,
       c.last_type, c.last_author, n.seq AS newest, u.unread, c.cursor,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'color', t.color) ORDER BY t.name)
                 FROM conversation_tag x JOIN tag t ON t.id = x.tag_id WHERE x.conversation_id = c.id), '[]') AS tags,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'typing', v.typing) ORDER BY p.name)
                 FROM viewing v JOIN person p ON p.id = v.person_id WHERE v.conversation_id = c.id
                   AND v.seen_at > now() - make_interval(secs => {VIEW_SECONDS})), '[]') AS viewers
FROM c JOIN contact k ON k.id = c.contact_id LEFT JOIN person a ON a.id = c.assignee_id
LEFT JOIN read_mark r ON r.conversation_id = c.id AND r.person_id = %(reader)s
LEFT JOIN LATERAL (SELECT m.seq FROM message m WHERE m.conversation_id = c.id AND m.direction = 'in'
                     AND m.group_id IS NULL AND m.amends IS NULL AND m.type <> 'reaction'
                   ORDER BY m.seq DESC LIMIT 1) n ON true
CROSS JOIN LATERAL (SELECT count(*) AS unread FROM (
    SELECT FROM message m WHERE m.conversation_id = c.id AND m.seq > coalesce(r.seq, 0) AND m.direction = 'in'
      AND m.group_id IS NULL AND m.amends IS NULL AND m.type <> 'reaction'
      AND (r.seq IS NOT NULL OR m.created_at >= (SELECT e.opened_at FROM episode e
                                                 WHERE e.conversation_id = c.id AND e.closed_at IS NULL))
    LIMIT {_MOST_UNREAD}) few) u
"""  # noqa: S608  # constants


async def page(conn: Connection, person: Person, wanted: Filter, *, limit: int = 50, after: str | None = None) -> Page:
    """Return conversations that a person sees, the longest wait or the newest message first, after a cursor.

    Raises ValueError for a cursor that is none.
    """
    conditions, values = _conditions(person, wanted)
    order = f"{_BY_WAIT}, c.id" if wanted.by_wait else "c.last_at DESC, c.id DESC"
    if after is not None:
        values["at"], values["after"] = parsed(after)
        begins = f"({_BY_WAIT}, c.id) > " if wanted.by_wait else "(c.last_at, c.id) < "
        conditions.append(f"{begins} (%(at)s::timestamptz, %(after)s::uuid)")
    key = _BY_WAIT if wanted.by_wait else "c.last_at"
    sql = f"""WITH c AS MATERIALIZED (
                  SELECT c.*, {key}::text || '|' || c.id AS cursor FROM conversation c
                  WHERE {" AND ".join(conditions)} ORDER BY {order} LIMIT %(limit)s)
              {ROW} ORDER BY {order}"""  # noqa: S608  # constants
    async with conn.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(sql, {**values, "limit": limit + 1, "reader": person.id})
        rows = await cursor.fetchall()
    return Page(rows[:limit], rows[limit - 1].cursor if len(rows) > limit else None)


def _conditions(person: Person, wanted: Filter) -> tuple[list[str], dict[str, Any]]:
    given = {
        "c.state = ANY(%(states)s)": list(wanted.states) if wanted.states and len(wanted.states) > 1 else None,
        "c.state = %(state)s": wanted.states[0] if wanted.states and len(wanted.states) == 1 else None,
        "c.assignee_id = %(assignee)s": wanted.assignee_id,
        "c.department = %(department)s": wanted.department,
        "c.channel_id = %(channel)s": wanted.channel_id,
        "EXISTS (SELECT FROM conversation_tag x WHERE x.conversation_id = c.id AND x.tag_id = %(tag)s)": wanted.tag_id,
    }
    used = {condition: value for condition, value in given.items() if value is not None}
    values = {condition.rpartition("%(")[2].partition(")")[0]: value for condition, value in used.items()}
    if "state" in values and wanted.by_wait:  # as it is written in the index
        used = {condition.replace("%(state)s", "'waiting'"): value for condition, value in used.items()}
    if person.departments is None:
        return list(used) or ["true"], values
    return [*used, SEEN], {**values, "sees": person.departments}


def parsed(cursor: str) -> tuple[str, UUID]:
    """Return time and id of a cursor. Raises ValueError."""
    at, _, conversation_id = cursor.rpartition("|")
    if at != "infinity":
        datetime.fromisoformat(at)
    return at, UUID(conversation_id)


async def one(conn: Connection, person: Person, conversation_id: UUID) -> Row | None:
    """Return a conversation's header; None where it does not exist or the person does not see it."""
    return next(iter(await some(conn, person, [conversation_id])), None)


async def some(conn: Connection, person: Person, ids: Sequence[UUID]) -> list[Row]:
    """Return the headers of those conversations that exist and that the person sees, in no order."""
    async with conn.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(
            f"WITH c AS (SELECT c.*, '' AS cursor FROM conversation c WHERE c.id = ANY(%(ids)s) AND {SEEN}) {ROW}",  # noqa: S608  # constants
            {"ids": list(ids), "sees": person.departments, "reader": person.id},
        )
        return await cursor.fetchall()


async def counts(conn: Connection, person: Person) -> Counts:
    """Count conversations that a person sees. Those that the agent or an app holds, by far the most, are not read."""
    async with conn.cursor(row_factory=class_row(Counts)) as cursor:
        await cursor.execute(
            f"""SELECT count(*) FILTER (WHERE c.state = 'waiting') AS waiting,
                       count(*) FILTER (WHERE c.state = 'snoozed') AS snoozed,
                       coalesce(array_agg(c.id) FILTER (WHERE c.assignee_id = %(me)s), '{{}}') AS own
                FROM conversation c
                WHERE c.state IN ('waiting', 'taken', 'snoozed') AND {SEEN}""",  # noqa: S608  # constants
            {"me": person.id, "sees": person.departments},
        )
        row = await cursor.fetchone()
        if row is None:
            raise LookupError("an aggregate without a row")
        return row
