"""The input of a turn: the customer's keys, their messages, and the company's messages in the meantime."""

from __future__ import annotations

from typing import Any

from gateway.store.customers.contacts import identity_of
from gateway.store.customers.merging import UNDONE
from gateway.store.database import Connection
from gateway.store.turns.turns import Turn


async def read(conn: Connection, turn: Turn) -> None:
    """Fill a turn with the customer's keys, their messages, and the company's messages in the meantime."""
    turn.keys, turn.present, turn.former, turn.verification = await identity_of(conn, turn.contact_id)
    cursor = await conn.execute(
        """SELECT m.content, m.wamid, d.status, d.mime_type, d.size
           FROM message m LEFT JOIN media d ON d.message_id = m.id
           WHERE m.turn_id = %s AND m.direction = 'in' ORDER BY m.sent_at, m.event_id""",
        (turn.id,),
    )
    turn.inbound, turn.since = [], []
    for content, wamid, status, mime_type, size in await cursor.fetchall():
        if status:
            _update_media(content["media"], status, mime_type, size)
        turn.inbound.append(content)
        turn.newest_wamid = wamid
    cursor = await conn.execute(
        """SELECT author, type, coalesce(content->>'text', content->>'body', content->>'caption'),
                  coalesce(sent_at, created_at) AS said_at FROM message WHERE turn_id = %s AND direction = 'out'
             AND (status <> 'failed' OR uncertain_at IS NOT NULL)
             AND (author IN ('person', 'app') OR (author = 'gateway' AND type = 'template'))
           ORDER BY said_at, seq""",
        (turn.id,),
    )
    for author, kind, text, said_at in await cursor.fetchall():
        who = "person" if author == "person" else "business_app"
        told = {"author": who, "kind": kind, "text": text or f"[{kind}]", "timestamp": said_at.isoformat()}
        turn.since.append(told)
    await _reached(conn, turn)


async def _reached(conn: Connection, turn: Turn) -> None:
    """Note whether the last reply reached the customer, and whether all of it had been sent when they wrote.

    A question before a change (verbatim) counts as not delivered if any part is missing: nobody can say yes to it.
    Meta's times are whole seconds, and a message may be on the phone before we have noted that it was accepted: hence
    the two seconds.
    """
    cursor = await conn.execute(
        """SELECT before.turn_id, bool_and(m.status = 'failed') IS NOT FALSE
                    OR bool_or(m.status = 'failed' AND m.content ? 'verbatim') IS TRUE,
                  bool_or(m.status IN ('queued', 'sending', 'uncertain', 'failed')
                          OR m.sent_at > wrote.first + interval '2 s') IS TRUE
           FROM (SELECT id AS turn_id FROM turn WHERE conversation_id = %(conversation)s AND id <> %(turn)s
                   AND error IS DISTINCT FROM %(undone)s ORDER BY started_at DESC LIMIT 1) before
           CROSS JOIN (SELECT min(sent_at) AS first FROM message
                       WHERE turn_id = %(turn)s AND direction = 'in') wrote
           LEFT JOIN message m ON m.turn_id = before.turn_id AND m.direction = 'out' AND m.author = 'agent'
           GROUP BY before.turn_id""",
        {"conversation": turn.conversation_id, "turn": turn.id, "undone": UNDONE},
    )
    if row := await cursor.fetchone():
        turn.unsent, turn.early = row[0] if row[1] else None, row[2]


def _update_media(media: dict[str, Any], status: str, mime_type: str | None, size: int | None) -> None:
    """Set the state of media; a file that is still being fetched comes too late for this turn."""
    media["status"] = "failed" if status == "pending" else status
    media["mime_type"] = mime_type or media["mime_type"]
    media["size"] = size
