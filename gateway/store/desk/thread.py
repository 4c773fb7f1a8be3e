"""The messages of a conversation as people see them: pages in both directions, with files, reactions and edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(slots=True)
class Message:
    """A message with what happened to it. seq: its place in the conversation, the keyset of pages.

    content: an inbound one's item of the run contract, an outbound one's reply; edits are in it already. media: JSON
    objects, `id, kind, mime_type, size, status, transcript`; reactions: `author, emoji, at`, the last one of each
    author; turn_id: of a message of the customer, the turn that took it, of the agent's, the turn whose answer it is.
    """

    id: UUID
    seq: int
    direction: str
    author: str
    person_id: UUID | None
    person_name: str | None
    wamid: str | None
    type: str
    content: dict[str, Any]
    status: str
    error_code: int | None
    error: str | None
    turn_id: UUID | None
    replaces: UUID | None
    source: str
    created_at: datetime
    sent_at: datetime | None
    edited_at: datetime | None
    revoked_at: datetime | None
    media: list[dict[str, Any]] = field(default_factory=list)
    reactions: list[dict[str, Any]] = field(default_factory=list)


_MESSAGES = """
SELECT m.id, m.seq, m.direction, m.author, m.person_id, p.name AS person_name, m.wamid, m.type, m.content, m.status,
       m.error_code, m.error, m.turn_id, m.replaces, m.source, m.created_at, m.sent_at, m.edited_at, m.revoked_at,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', d.id, 'kind', d.kind, 'mime_type', d.mime_type,
                                                     'size', d.size, 'status', d.status,
                                                     'transcript', d.transcript))
                 FROM media d WHERE d.message_id = m.id), '[]') AS media
FROM m LEFT JOIN person p ON p.id = m.person_id ORDER BY m.seq
"""
# Reactions, edits and revocations show in the messages that they are about.
_SHOWN = "conversation_id = %(id)s AND group_id IS NULL AND amends IS NULL AND type NOT IN ('reaction', 'edit')"


async def page(
    conn: Connection, conversation_id: UUID, *, limit: int = 50, before: int | None = None, after: int | None = None
) -> list[Message]:
    """Return messages, oldest first: the newest ones, the last before a place (seq), or the first after one."""
    if after is not None:
        place, order = "seq > %(place)s", "seq"
    else:
        place, order = "(%(place)s::bigint IS NULL OR seq < %(place)s)", "seq DESC"
    sql = f"SELECT * FROM message WHERE {_SHOWN} AND {place} ORDER BY {order} LIMIT %(limit)s"  # noqa: S608  # constants
    found = await _found(
        conn, sql, {"id": conversation_id, "place": before if after is None else after, "limit": limit}
    )
    await _add_reactions(conn, conversation_id, found)
    return found


async def some(conn: Connection, conversation_id: UUID, message_ids: Sequence[UUID]) -> list[Message]:
    """Return these messages of a conversation, oldest first: those that changed."""
    sql = f"SELECT * FROM message WHERE {_SHOWN} AND id = ANY(%(ids)s)"  # noqa: S608  # constants
    found = await _found(conn, sql, {"id": conversation_id, "ids": list(message_ids)})
    await _add_reactions(conn, conversation_id, found)
    return found


async def has(conn: Connection, conversation_id: UUID, wamid: str) -> bool:
    """Return whether a message of a conversation, not taken back, has this wamid."""
    cursor = await conn.execute(
        "SELECT FROM message WHERE conversation_id = %s AND wamid = %s AND revoked_at IS NULL", (conversation_id, wamid)
    )
    return bool(cursor.rowcount)


async def subject(conn: Connection, message_id: UUID) -> UUID:
    """Return the message that a reaction, an edit or a revocation is about; any other message's own id."""
    cursor = await conn.execute(
        """SELECT o.id FROM message m JOIN message o ON o.conversation_id = m.conversation_id
             AND o.wamid = coalesce(m.amends, m.content->'reaction'->>'message_id', m.content->>'message_id')
           WHERE m.id = %s AND (m.amends IS NOT NULL OR m.type = 'reaction')""",
        (message_id,),
    )
    row = await cursor.fetchone()
    return row[0] if row else message_id


async def _found(conn: Connection, sql: str, values: dict[str, Any]) -> list[Message]:
    async with conn.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(f"WITH m AS MATERIALIZED ({sql}) {_MESSAGES}", values)  # constants
        return await cursor.fetchall()


async def _add_reactions(conn: Connection, conversation_id: UUID, found: Sequence[Message]) -> None:
    by_wamid = {message.wamid: message for message in found if message.wamid}
    if not by_wamid:
        return
    cursor = await conn.execute(
        """SELECT DISTINCT ON (target, author) target, author, emoji, at FROM (
               SELECT coalesce(content->'reaction'->>'message_id', content->>'message_id') AS target, author,
                      coalesce(content->'reaction'->>'emoji', content->>'emoji', '') AS emoji,
                      coalesce(sent_at, created_at) AS at, seq
               FROM message WHERE conversation_id = %s AND type = 'reaction' AND status <> 'failed'
                 AND group_id IS NULL) r
           WHERE target = ANY(%s) ORDER BY target, author, at DESC, seq DESC""",
        (conversation_id, list(by_wamid)),
    )
    for target, author, emoji, at in await cursor.fetchall():
        if emoji:  # an empty one takes the reaction back
            by_wamid[target].reactions.append({"author": author, "emoji": emoji, "at": at})
