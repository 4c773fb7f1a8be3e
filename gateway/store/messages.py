"""What is said in conversations: kept once, changed and taken back by who said it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from gateway.store.conversations import Quiet, open_window, schedule
from gateway.store.database import MEDIA, Connection, notify


@dataclass(frozen=True, slots=True)
class NewMedia:
    """Media of a message: Meta's id for it, and how long (seconds) its turn waits."""

    id: UUID
    channel_id: str
    remote_id: str
    kind: str
    mime_type: str | None
    wait: float


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it came in.

    author: `customer`, or `app`: the business said it by another way than ours. content: the run contract's item (for
    `app` with a `type` too). awaits: the agent has to answer it. opens_window: Meta's 24 hours count from it. amends:
    the wamid of the message that this one edits or revokes. source, status: as in the table.
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
    opens_window: bool = False
    source: str = "messages"
    group_id: str | None = None
    amends: str | None = None
    media: NewMedia | None = None


async def add(conn: Connection, conversation_id: UUID, said: Said, quiet: Quiet) -> bool:
    """Add a message to a locked conversation and set when its turn is due; False when it is there already.

    What changes it and came before it is applied.
    """
    cursor = await conn.execute(
        """INSERT INTO message (conversation_id, direction, author, wamid, type, content, event_id, awaits, status,
                                sent_at, created_at, source, group_id, amends)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (wamid) DO NOTHING RETURNING id""",
        (
            conversation_id, "in" if said.author == "customer" else "out", said.author, said.wamid, said.type,
            Jsonb(said.content), said.event_id, said.awaits, said.status, said.sent_at, said.received_at, said.source,
            said.group_id, said.amends,
        ),
    )  # fmt: skip
    row = await cursor.fetchone()
    if row is None:
        return False
    if said.media:
        await _add_media(conn, row[0], said.media, said.received_at)
    if said.opens_window:
        await open_window(conn, conversation_id, said.sent_at)
    await _apply_earlier_changes(conn, conversation_id, said.wamid)
    if said.source != "history":
        await schedule(conn, conversation_id, quiet)
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
    """The text of a message of a customer's conversations; None: not known, without text, or taken back."""
    cursor = await conn.execute(
        """SELECT coalesce(m.content->>'text', m.content->>'body', m.content->>'caption')
           FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.wamid = %s AND c.contact_id = %s AND m.revoked_at IS NULL""",
        (wamid, contact_id),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def edit(
    conn: Connection, conversation_id: UUID, wamid: str, author: str, text: str | None, at: datetime
) -> bool:
    """Change the text of a message of this author, unless a later edit is known; False: no such message (yet)."""
    cursor = await conn.execute(
        """UPDATE message SET content = jsonb_set(content, '{text}', to_jsonb(%s::text), true), edited_at = %s
           WHERE wamid = %s AND conversation_id = %s AND author = %s AND (edited_at IS NULL OR edited_at <= %s)""",
        (text, at, wamid, conversation_id, author, at),
    )
    return bool(cursor.rowcount)


async def revoke(conn: Connection, conversation_id: UUID, wamid: str, author: str, at: datetime) -> bool:
    """Take a message of this author out of the agent's view; False: no such message (yet). Schedule afterwards.

    Where it waits for a turn it waits no more; a turn that has taken it goes on, and the time is noted.
    """
    cursor = await conn.execute(
        """UPDATE message SET revoked_at = %s, awaits = false
           WHERE wamid = %s AND conversation_id = %s AND author = %s AND revoked_at IS NULL""",
        (at, wamid, conversation_id, author),
    )
    return bool(cursor.rowcount)


async def _apply_earlier_changes(conn: Connection, conversation_id: UUID, wamid: str) -> None:
    """Webhooks come in any order: an edit or a revocation may have come before what it is about."""
    cursor = await conn.execute(
        """SELECT type, author, content->>'text', sent_at FROM message
           WHERE amends = %s AND conversation_id = %s ORDER BY sent_at""",
        (wamid, conversation_id),
    )
    for kind, author, text, at in await cursor.fetchall():
        if kind == "edit":
            await edit(conn, conversation_id, wamid, author, text, at)
        else:
            await revoke(conn, conversation_id, wamid, author, at)
