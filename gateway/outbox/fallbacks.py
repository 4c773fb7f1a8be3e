"""Replies that Meta's closed 24-hour window keeps back, and the channel's fallback template instead of them."""

from __future__ import annotations

from uuid import UUID

import structlog

from gateway.numbers.channels import Channel
from gateway.runtime.telemetry import ERRORS, SENDS
from gateway.store.database import Connection
from gateway.store.outbox import window
from gateway.store.outbox.queue import Outbound
from gateway.whatsapp.messages.caps import WINDOW_SECONDS

log = structlog.get_logger(__name__)

_FALLBACK = "the 24-hour window is closed: the channel's fallback template stands for it"
_NO_FALLBACK = "the 24-hour window is closed and the channel has no fallback_template"


def window_closed(message: Outbound) -> bool:
    """Return whether the 24-hour window since the customer last wrote is closed, so that only templates may be sent."""
    since = message.since_customer
    return message.type != "template" and (since is None or since > WINDOW_SECONDS)


async def keep_back(conn: Connection, conversation_id: UUID, message_id: UUID, channel: Channel | None) -> None:
    """Fail a reply that the closed window keeps back, and queue the channel's fallback template instead."""
    fallback = channel.fallback_template if channel else None
    template = fallback.reply() if fallback else None
    why = _FALLBACK if template else _NO_FALLBACK
    queued = await window.keep_back(conn, conversation_id, message_id, why, template)
    SENDS.labels("window_closed", "").inc()
    if not template:
        ERRORS.labels("window_closed").inc()
    log.warning("window_closed", message_id=str(message_id), fallback=queued)
