"""Templates as customers read them, stored as text, so that the agent and people know what was shown.

Meta has the words of a template, a message only its parameters. The sender, which may ask Meta, stores the text with
the message before it sends it; until then, and where Meta does not answer, the text names the template.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog

from gateway.numbers.channels import Channel
from gateway.store.database import Pool
from gateway.store.outbox import queue
from gateway.store.outbox.queue import Outbound
from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.api.management import Management, TemplateInfo
from gateway.whatsapp.errors import WhatsAppError
from gateway.whatsapp.messages.messages import Template, message
from gateway.whatsapp.messages.templates import shown

log = structlog.get_logger(__name__)

_KNOWN_SECONDS = 600.0  # until Meta is asked again: templates change rarely
_UNKNOWN_SECONDS = 60.0  # the same where Meta did not answer
_MAX_TEMPLATES = 1000  # templates that are remembered at once
_PATIENCE_SECONDS = 5.0  # that a send waits for the words of its template
CODE = "[código de verificação]"  # only the customer may read the code

Key = tuple[str, str, str]  # account, name, language


def placeholder(name: str, *, category: str | None = None) -> str:
    """Return the text for a template whose words are not known, or not yet."""
    return CODE if category == "authentication" else f"[modelo {name}]"


class TemplateTexts:
    """The words of templates, stored with messages. api: returns a client of Meta for a number."""

    def __init__(
        self, pool: Pool, api: Callable[[Channel], GraphApi], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._api = api
        self._clock = clock
        self._known: dict[Key, tuple[float, asyncio.Task[TemplateInfo | None]]] = {}

    async def keep(self, channel: Channel, queued: Outbound) -> None:
        """Store the words of a template with its message. Where Meta or Postgres does not answer, the send goes on."""
        sent = message(queued.content)
        if not isinstance(sent, Template):
            return
        text = await self.text(channel, sent) or queued.content.get("text") or placeholder(sent.name)
        if text == queued.content.get("text"):
            return
        try:
            async with self._pool.connection() as conn:
                await queue.set_text(conn, queued.id, text)
        except psycopg.Error as error:
            log.warning("template_not_kept", error=type(error).__name__, message_id=str(queued.id))

    async def text(self, channel: Channel, sent: Template) -> str | None:
        """Return a template as the customer reads it; None: Meta does not tell."""
        found = await self._find(channel, sent) if channel.waba_id else None
        if found is None:
            return None
        return CODE if found.category == "AUTHENTICATION" else shown(sent, found.components)

    async def _find(self, channel: Channel, sent: Template) -> TemplateInfo | None:
        """Return the template at Meta; many messages of one template ask once."""
        key = (channel.waba_id or "", sent.name, sent.language)
        until, asked = self._known.get(key, (0.0, None))
        if asked is None or self._clock() >= until:
            asked = asyncio.create_task(self._ask(channel, key), name=f"template-{sent.name}")
            self._remember(key, asked)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.shield(asked)
        except TimeoutError:
            return None

    def _remember(self, key: Key, asked: asyncio.Task[TemplateInfo | None]) -> None:
        self._known.pop(key, None)
        while len(self._known) >= _MAX_TEMPLATES:
            del self._known[next(iter(self._known))]
        self._known[key] = (self._clock() + _KNOWN_SECONDS, asked)

    async def _ask(self, channel: Channel, key: Key) -> TemplateInfo | None:
        account, name, language = key
        try:
            found = await Management(self._api(channel)).templates(account, name)
        except WhatsAppError as error:
            log.warning("template_not_read", error=type(error).__name__, phone_number_id=channel.phone_number_id)
            found = []
        wanted: Any = next((one for one in found if (one.name, one.language) == (name, language)), None)
        if wanted is None and key in self._known:
            self._known[key] = (self._clock() + _UNKNOWN_SECONDS, self._known[key][1])
        return wanted  # type: ignore[no-any-return]
