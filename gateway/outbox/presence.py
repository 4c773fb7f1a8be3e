"""Presence while an answer is made: a reaction on receipt, the read receipt, the typing indicator.

All of it is best effort: nothing is retried, and nothing delays the answer for longer than a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import psycopg
import structlog

from gateway.numbers.channels import Channel
from gateway.numbers.clients import MetaClients
from gateway.outbox import replies
from gateway.outbox.rate_limits import Limiter
from gateway.runtime.telemetry import SENDS, SENT
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.store.outbox import queue
from gateway.store.turns.turns import Turn
from gateway.whatsapp.errors import AccountBlocked, WhatsAppError
from gateway.whatsapp.messages.messages import Reaction, as_reply

log = structlog.get_logger(__name__)

EYES = "👀"
_TYPING_SECONDS = 20.0  # Meta removes the indicator after 25
_GRACE_SECONDS = 1.0  # in which a call in progress may end before the answer is queued


class Presence:
    """Read receipts, reactions and typing for the turns of a worker. react: show receipt by a reaction (👀)."""

    def __init__(self, pool: Pool, clients: MetaClients, limiter: Limiter, *, react: bool) -> None:
        self._pool = pool
        self._clients = clients
        self._limiter = limiter
        self._react = react

    async def show(self, channel: Channel, turn: Turn) -> None:
        """Show that the newest message was read and that an answer is being written, until cancelled.

        No call is in progress when this ends: an indicator that is set after the answer would stay.
        """
        wamid = turn.newest_wamid
        if wamid is None or self._clients.is_refused(channel):
            return
        if self._react and await self._may_react(channel, turn):
            await self._tried(channel, self._send(channel, turn, Reaction(emoji=EYES, message_id=wamid)))
        # The reaction first: every message that is sent removes the indicator.
        api = self._clients.api(channel)
        while not self._clients.is_refused(channel):
            if not await self._tried(channel, api.mark_read(channel.phone_number_id, wamid, typing=True)):
                return
            await asyncio.sleep(_TYPING_SECONDS)

    async def _may_react(self, channel: Channel, turn: Turn) -> bool:
        """Return whether the turn's only reaction may be sent now."""
        if not turn.may_react:
            return False
        turn.may_react = False
        # Where no slot is free the answer needs the next one more than the reaction.
        return not await self._limiter.acquire(
            channel.phone_number_id, str(turn.contact_id), channel.messages_per_second
        )

    async def _tried(self, channel: Channel, call: Coroutine[Any, Any, None]) -> bool:
        """Make a call, and finish it even when cancelled; return False when Meta refused."""
        try:
            await _finish_call(call)
        except WhatsAppError as error:
            SENDS.labels("attention_refused", str(error.code or "")).inc()
            if isinstance(error, AccountBlocked):
                self._clients.refuse(channel, error)
            return False
        return True

    async def _send(self, channel: Channel, turn: Turn, reaction: Reaction) -> None:
        """Send a reaction, and record it for its price, which a status will tell."""
        message_id = uuid4()
        payload = replies.payload(reaction, message_id, turn.keys)
        sent = await self._clients.api(channel).send(channel.phone_number_id, payload)
        SENT.labels(reaction.type).inc()
        try:
            async with self._pool.connection() as conn, conn.transaction():
                await queue.record(conn, message_id, turn.conversation_id, as_reply(reaction), sent.wamid)
                await events.reopen_statuses(conn, sent.wamid)
        except psycopg.Error as error:
            log.info("reaction_not_kept", error=type(error).__name__)


async def _finish_call(call: Coroutine[Any, Any, None]) -> None:
    """Await a call; when cancelled meanwhile, give it `_GRACE_SECONDS` to end."""
    task = asyncio.create_task(call)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=_GRACE_SECONDS)
        finally:
            task.cancel()
            task.add_done_callback(_discard_outcome)
        raise
    await task


def _discard_outcome(task: asyncio.Task[None]) -> None:
    """Retrieve the outcome of a call whose turn has ended, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
