"""Replies that Meta's closed 24-hour window keeps back, and the channel's fallback template instead of them."""

from __future__ import annotations

from uuid import UUID

import psycopg
import structlog

from gateway.numbers.channels import Channel, Channels
from gateway.outbox.template_texts import TemplateTexts
from gateway.runtime.telemetry import ERRORS, SENDS
from gateway.store.composer import fallbacks as store
from gateway.store.database import Connection, Pool
from gateway.store.outbox import window
from gateway.store.outbox.queue import Outbound
from gateway.whatsapp.messages.caps import WINDOW_SECONDS
from gateway.whatsapp.messages.messages import Template, message

log = structlog.get_logger(__name__)

_FALLBACK = "the 24-hour window is closed: the channel's fallback template stands for it"
_NEWS_SECONDS = 300.0
_NO_FALLBACK = "the 24-hour window is closed and the channel has no fallback_template"


def window_closed(queued: Outbound) -> bool:
    """Return whether the 24-hour window since the customer last wrote is closed, so that only templates may be sent."""
    since = queued.since_customer
    return queued.type != "template" and (since is None or since > WINDOW_SECONDS)


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


class FallbackNews:
    """Tells the console which template each number has for a closed window. `step` is called in a loop."""

    def __init__(self, pool: Pool, channels: Channels, texts: TemplateTexts) -> None:
        self._pool = pool
        self._channels = channels
        self._texts = texts

    async def step(self) -> float:
        """Note the templates of all numbers; return the seconds until the next call."""
        for channel in self._channels.all().values():
            found = await self._of(channel)
            try:
                async with self._pool.connection() as conn:
                    await store.keep(conn, channel.phone_number_id, found)
            except psycopg.Error as error:
                log.info("fallback_not_told", error=type(error).__name__)
        return _NEWS_SECONDS

    async def _of(self, channel: Channel) -> store.Fallback | None:
        if channel.fallback_template is None:
            return None
        reply = channel.fallback_template.reply()
        template = message(reply)
        text = await self._texts.text(channel, template) if isinstance(template, Template) else None
        return store.Fallback(reply, text)
