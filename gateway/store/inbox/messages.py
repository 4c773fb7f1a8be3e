"""Messages from outside in conversations: kept once, edited and revoked by their authors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from gateway.store.database import MEDIA, Connection, notify


@dataclass(frozen=True, slots=True)
class NewMedia:
    """Media of a message. channel_id: the phone number id; remote_id: Meta's id; wait: seconds that its turn waits."""

    id: UUID
    channel_id: str
    remote_id: str
    kind: str
    mime_type: str | None
    wait: float


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message from outside.

    author: `customer`, or `app`: the business sent it by another way than ours. content: the run contract's item (for
    `app` with a `type` too). awaits: the agent has to answer it. courtesy: it is only thanks or the like. opens_window:
    Meta's 24 hours count from it. amends: the wamid of the message that this one edits or revokes. source, status: as
    in the table.
    """

    wamid: str
    author: str
    type: str
    content: dict[str, Any]
    event_id: int
    sent_at: datetime
    received_at: datetime
    status: str = "received"
    awaits: bool = False
    courtesy: bool = False
    opens_window: bool = False
    source: str = "messages"
    group_id: str | None = None
    amends: str | None = None
    media: NewMedia | None = None

    @property
    def affects_turns(self) -> bool:
        """Return whether it may change the messages that wait; history does not, unless it takes one back."""
        return self.source != "history" or self.type == "revoke"


async def add(conn: Connection, conversation_id: UUID, message: IncomingMessage) -> bool:
    """Add a message to a locked conversation; return False for a duplicate.

    An edit or a revocation changes its message; those that came before their message are applied to it. The caller
    schedules the next turn (`schedule`) where the message `affects_turns`.
    """
    cursor = await conn.execute(
        """WITH added AS (
               INSERT INTO message (conversation_id, direction, author, wamid, type, content, event_id, awaits, status,
                                    sent_at, created_at, source, group_id, amends, courtesy)
               VALUES (%(conversation)s, %(direction)s, %(author)s, %(wamid)s, %(type)s, %(content)s, %(event)s,
                       %(awaits)s, %(status)s, %(sent_at)s, %(received_at)s, %(source)s, %(group)s, %(amends)s,
                       %(courtesy)s)
               ON CONFLICT (wamid) DO NOTHING RETURNING id),
           opened AS (
               UPDATE conversation SET last_inbound_at = greatest(last_inbound_at, %(sent_at)s) FROM added
               WHERE conversation.id = %(conversation)s AND %(opens_window)s)
           SELECT id, EXISTS (SELECT FROM message WHERE amends = %(wamid)s) FROM added""",
        {
            "conversation": conversation_id, "direction": "in" if message.author == "customer" else "out",
            "author": message.author, "wamid": message.wamid, "type": message.type, "content": Jsonb(message.content),
            "event": message.event_id, "awaits": message.awaits, "status": message.status, "sent_at": message.sent_at,
            "received_at": message.received_at, "source": message.source, "group": message.group_id,
            "amends": message.amends, "courtesy": message.courtesy, "opens_window": message.opens_window,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    if row is None:
        return False
    message_id, is_amended = row
    if message.media:
        await _add_media(conn, message_id, message.media, message.received_at)
    if message.amends or is_amended:
        await _apply_changes(conn, conversation_id, message.amends or message.wamid)
    return True


async def _add_media(conn: Connection, message_id: UUID, media: NewMedia, received_at: datetime) -> None:
    await conn.execute(
        """INSERT INTO media (id, message_id, channel_id, remote_id, kind, mime_type, wait_until)
           VALUES (%s, %s, %s, %s, %s, %s, %s + make_interval(secs => %s))""",
        (
            media.id, message_id, media.channel_id, media.remote_id, media.kind, media.mime_type, received_at,
            media.wait,
        ),
    )  # fmt: skip
    await notify(conn, MEDIA)


async def quoted(conn: Connection, contact_id: UUID, wamid: str) -> str | None:
    """Return the text of a message of a customer; None: not known, without text, or revoked."""
    cursor = await conn.execute(
        """SELECT coalesce(m.content->>'text', m.content->>'body', m.content->>'caption')
           FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.wamid = %s AND c.contact_id = %s AND m.revoked_at IS NULL""",
        (wamid, contact_id),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def _apply_changes(conn: Connection, conversation_id: UUID, wamid: str) -> None:
    """Apply the edits and revocations of a message's author, in any order of arrival.

    The latest edit counts; one without a text empties a caption, but no text. A revocation is final: the message no
    longer waits for a turn; a turn that has begun with it goes on, and the time is noted.
    """
    await conn.execute(
        """UPDATE message m SET
               content = CASE WHEN e.at IS NULL THEN m.content
                              ELSE jsonb_set(m.content, '{text}', coalesce(to_jsonb(e.text), 'null')) END,
               edited_at = CASE WHEN r.at IS NULL THEN e.at END, revoked_at = r.at, awaits = m.awaits AND r.at IS NULL
           FROM message o
           LEFT JOIN LATERAL (
               SELECT c.content->>'text' AS text, c.sent_at AS at FROM message c
               WHERE c.amends = o.wamid AND c.conversation_id = o.conversation_id AND c.author = o.author
                 AND c.type = 'edit' AND (c.content->>'text' IS NOT NULL OR o.type <> 'text')
               ORDER BY c.sent_at DESC, c.wamid DESC LIMIT 1) e ON true
           CROSS JOIN LATERAL (
               SELECT min(c.sent_at) AS at FROM message c
               WHERE c.amends = o.wamid AND c.conversation_id = o.conversation_id AND c.author = o.author
                 AND c.type = 'revoke') r
           WHERE m.id = o.id AND o.wamid = %s AND o.conversation_id = %s
             AND EXISTS (SELECT FROM message c WHERE c.amends = o.wamid)""",
        (wamid, conversation_id),
    )
    await _wipe_revoked(conn, conversation_id, wamid)


# What is left of a message that its author took back; a turn that has begun with it still finds its parts.
_WIPED = """(SELECT jsonb_object_agg(name, CASE
                  WHEN name IN ('id', 'kind', 'type', 'timestamp') THEN part
                  WHEN name = 'media' AND jsonb_typeof(part) = 'object' THEN part - 'filename' || '{"filename": null}'
                  ELSE 'null' END) FROM jsonb_each(m.content) AS parts(name, part))"""


async def _wipe_revoked(conn: Connection, conversation_id: UUID, wamid: str) -> None:
    """Delete the content of a message that was revoked, of its edits, of quotations of it, and of their raw items."""
    given = {"wamid": wamid, "conversation": conversation_id}
    revoked = await conn.execute(
        "SELECT FROM message WHERE wamid = %(wamid)s AND conversation_id = %(conversation)s AND revoked_at IS NOT NULL",
        given,
    )
    if not revoked.rowcount:
        return
    await conn.execute(
        f"""WITH wiped AS (
                UPDATE message m SET content = {_WIPED}
                WHERE conversation_id = %(conversation)s
                  AND (wamid = %(wamid)s OR (amends = %(wamid)s AND type = 'edit')) RETURNING event_id)
            UPDATE event SET raw = '' WHERE id IN (SELECT event_id FROM wiped)""",  # noqa: S608  # a constant
        given,
    )
    await conn.execute(  # the file itself goes within a minute (housekeeping)
        """UPDATE media SET transcript = NULL WHERE transcript IS NOT NULL
             AND message_id IN (SELECT id FROM message WHERE wamid = %(wamid)s)""",
        given,
    )
    await conn.execute(
        """UPDATE message SET content = jsonb_set(content, '{context,text}', 'null')
           WHERE conversation_id = %(conversation)s AND content->'context'->>'message_id' = %(wamid)s""",
        given,
    )
