"""Meta's statuses, applied to our messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from gateway.store.database import OUTBOX, Connection, notify


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A status of Meta about a message of ours; channel_id: the number that it came for."""

    channel_id: str
    wamid: str
    callback: str | None  # our message id, echoed
    status: str
    error_code: int | None
    error: str | None
    pricing: dict[str, Any] | None


async def apply_status(conn: Connection, change: StatusChange, advance: Callable[[str, str], str]) -> bool:
    """Move a message forward by a status of any of its sends; return False when no message of ours is meant."""
    message_id, current, wamid = await _find(conn, change)
    if message_id is None:
        return False
    if change.status == "failed" and wamid not in (None, change.wamid):
        return True  # one of its sends failed, another one succeeded
    state = advance(current, change.status)
    await conn.execute(
        """UPDATE message SET wamid = coalesce(wamid, %s), status = %s, sent_at = coalesce(sent_at, now()),
                  error_code = coalesce(%s, error_code), error = coalesce(%s, error),
                  uncertain_at = CASE WHEN %s THEN uncertain_at END, pricing = coalesce(%s, pricing) WHERE id = %s""",
        (
            change.wamid, state, change.error_code, change.error, state == "uncertain",
            Jsonb(change.pricing) if change.pricing else None, message_id,
        ),
    )  # fmt: skip
    if current in ("queued", "sending", "uncertain"):
        await notify(conn, OUTBOX)
    return True


async def _find(conn: Connection, change: StatusChange) -> tuple[UUID | None, str, str | None]:
    try:
        ours = UUID(change.callback) if change.callback else None
    except ValueError:
        ours = None  # somebody else's callback data
    cursor = await conn.execute(
        """SELECT m.id, m.status, m.wamid FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.direction = 'out' AND (m.wamid = %s OR m.id = %s) AND c.channel_id = %s
           ORDER BY (m.id = %s) DESC LIMIT 1 FOR UPDATE OF m""",
        (change.wamid, ours, change.channel_id, ours),
    )
    return await cursor.fetchone() or (None, "", None)
