"""Sending: one message at a time a conversation, in order, under Meta's rates, never twice for want of an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg
import structlog

from gateway import receipts
from gateway.channels import Channel, Channels
from gateway.identity import Ids
from gateway.limits import Limiter
from gateway.lines import Lines, address
from gateway.shown import Shown
from gateway.store import events, outbox, window
from gateway.store.database import CONFLICTS, Connection, Pool, is_away
from gateway.store.outbox import Outbound
from gateway.telemetry import ERRORS, LIMITER_WAITS, PROCESSING, SENDS, SENT
from gateway.tracing import tracer
from gateway.whatsapp.caps import WINDOW_SECONDS
from gateway.whatsapp.client import Sent
from gateway.whatsapp.errors import (
    AccountBlocked,
    InvalidMessage,
    PairLimited,
    Temporary,
    Uncertain,
    WhatsAppError,
    WindowClosed,
)
from gateway.whatsapp.render import render

log = structlog.get_logger(__name__)

_IN_FLIGHT = 64  # messages of one process on their way to Meta at once
_LEASE = 60.0  # seconds; longer than every time-out of a send, so that only a dead sender outlives it
_ATTEMPTS = 12  # of a send that Meta certainly refused for now; with the delays below about half an hour
_LONGEST_DELAY = 300.0
_GONE = 60.0  # seconds between looks whether a channel that is configured no more has come back
_NOTE_ATTEMPTS = 30  # tries, a second apart, to note what became of a send


@dataclass(frozen=True, slots=True)
class SendSettings:
    """How long (seconds) an uncertain message waits for its status; then resend it?"""

    uncertain_wait: float
    resend: bool


class Sender:
    """The only sender. ``step`` and ``expire`` are called in loops; ``drain`` ends it."""

    def __init__(
        self, pool: Pool, lines: Lines, channels: Channels, limiter: Limiter, settings: SendSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._lines = lines
        self._channels = channels
        self._limiter = limiter
        self._settings = settings
        self._clock = clock
        self._shown = Shown(pool, lines.api, clock)
        self._sending: set[asyncio.Task[None]] = set()

    async def step(self) -> float:
        """Take what may go out, as far as there is room; seconds until it should be called again."""
        room = _IN_FLIGHT - len(self._sending)
        channels = [name for name, channel in self._channels.all().items() if not self._lines.is_refused(channel)]
        if room <= 0 or not channels:
            return 1.0
        async with self._pool.connection() as conn:
            messages = await outbox.claim(conn, room, _LEASE, channels)
        for message in messages:
            task = asyncio.create_task(self._send_or_fail(message), name=f"send-{message.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return 0.0 if len(messages) == room else 1.0

    async def expire(self) -> None:
        """Settle what dead senders left, and what has been uncertain for too long."""
        async with self._pool.connection() as conn:
            dead, decided = await outbox.expire(conn, self._settings.uncertain_wait, resend=self._settings.resend)
        if dead or decided:
            log.warning("sends_expired", left_by_dead_senders=dead, wait_is_over=decided, resend=self._settings.resend)
        async with self._pool.connection() as conn:
            for one in await window.refused(conn, _IN_FLIGHT):
                await self._keep_back(conn, one.conversation_id, one.id, self._channels.get(one.channel_id))

    async def drain(self) -> None:
        """Let what is on its way arrive."""
        if self._sending:
            await asyncio.wait(self._sending)

    # One message -------------------------------------------------------------------------------------------------

    async def _send_or_fail(self, message: Outbound) -> None:
        try:
            await self._send(message)
        except Exception:
            # A defect of ours in one message must not hold the others back. Whether it is out is not known.
            ERRORS.labels("send").inc()
            log.exception("send_crashed", message_id=str(message.id))
            wait = self._settings.uncertain_wait
            await self._note(lambda conn: outbox.uncertain(conn, message.id, wait, None, "a defect of the gateway"))

    async def _send(self, message: Outbound) -> None:
        channel = self._channels.get(message.channel_id)
        if channel is None:
            await self._note(lambda conn: outbox.again(conn, message.id, _GONE, None, "its channel is gone"))
            return
        if _window_closed(message):
            await self._note(lambda conn: self._keep_back(conn, message.conversation_id, message.id, channel))
            return
        delay = await self._limiter.acquire(
            channel.phone_number_id, str(message.contact_id), channel.messages_per_second
        )
        if delay > 0:
            LIMITER_WAITS.labels("rate").inc()
            await self._note(lambda conn: outbox.postponed(conn, message.id, delay))
            return
        try:
            await self._shown.keep(channel, message)
            with tracer.start_as_current_span("send", attributes={"message.id": str(message.id)}):
                sent = await self._post(channel, message)
        except WhatsAppError as error:
            SENDS.labels(type(error).__name__.lower(), str(error.code or "")).inc()
            await self._not_accepted(channel, message, error)
        else:
            self._lines.works(channel)
            await self._accepted(message, sent)
            await receipts.learn(self._pool, channel, _addressed(message), message.keys or (), sent)

    async def _post(self, channel: Channel, message: Outbound) -> Sent:
        try:
            [payload, *rest] = render(message.content, callback=str(message.id), **address(message.keys or ()))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InvalidMessage(message.type, f"cannot be written ({type(error).__name__})") from error
        if rest:
            raise InvalidMessage(message.type, "is too long for one message and was queued unsplit")
        return await self._lines.api(channel).send(channel.phone_number_id, payload)

    async def _accepted(self, message: Outbound, sent: Sent) -> None:
        async def note(conn: Connection) -> None:
            async with conn.transaction():
                await outbox.accepted(conn, message.id, sent.wamid)
                # A status that overtook this answer and carried no id of ours found no message.
                await events.reopen_statuses(conn, sent.wamid)

        if message.since_inbound is not None:
            PROCESSING.observe(message.since_inbound + self._clock() - message.claimed_at)
        SENT.labels(message.type).inc()
        SENDS.labels("accepted", "").inc()
        await self._note(note)

    async def _not_accepted(self, channel: Channel, message: Outbound, error: WhatsAppError) -> None:
        """Decide by the class of the error, which says whether the message may be out."""
        log.warning("send_refused", message_id=str(message.id), error=str(error), kind=type(error).__name__)
        said = str(error)
        if isinstance(error, Uncertain):
            wait = self._settings.uncertain_wait
            await self._note(lambda conn: outbox.uncertain(conn, message.id, wait, error.code, said))
        elif isinstance(error, AccountBlocked):
            self._lines.refuse(channel, said)
            await self._note(lambda conn: outbox.postponed(conn, message.id, 1.0))
        elif isinstance(error, WindowClosed) and message.type != "template":
            await self._note(lambda conn: self._keep_back(conn, message.conversation_id, message.id, channel))
        elif isinstance(error, Temporary) and message.attempts < _ATTEMPTS:
            delay = await self._delay(error, message)
            await self._note(lambda conn: outbox.again(conn, message.id, delay, error.code, said))
        else:
            ERRORS.labels("send").inc()
            await self._note(lambda conn: outbox.failed(conn, message.id, error.code, said))

    async def _delay(self, error: Temporary, message: Outbound) -> float:
        """Seconds until the next try: what Meta asks for, else growing; a pair is kept back for all workers."""
        if isinstance(error, PairLimited):
            return await self._limiter.back_off(message.channel_id, str(message.contact_id))
        return min(error.retry_after or 2.0**message.attempts, _LONGEST_DELAY)

    async def _note(self, change: Callable[[Connection], Awaitable[None]]) -> None:
        """Note what became of a send, also when the database is away for a while; else its lease makes it uncertain."""
        for _ in range(_NOTE_ATTEMPTS):
            try:
                async with self._pool.connection() as conn:
                    await change(conn)
            except psycopg.Error as error:
                if not is_away(error) and not isinstance(error, CONFLICTS):
                    ERRORS.labels("send").inc()
                    log.exception("send_not_noted", consequence="the message becomes uncertain by its lease")
                    return
                await asyncio.sleep(1)
            else:
                return
        log.error("send_not_noted", consequence="the message becomes uncertain when its lease runs out")

    async def _keep_back(
        self, conn: Connection, conversation_id: UUID, message_id: UUID, channel: Channel | None
    ) -> None:
        """Put the channel's fallback template in the place of what the closed window keeps back."""
        fallback = channel.fallback_template if channel else None
        template = fallback.reply() if fallback else None
        why = _FALLBACK if template else _NO_FALLBACK
        queued = await window.keep_back(conn, conversation_id, message_id, why, template)
        SENDS.labels("window_closed", "").inc()
        if not template:
            ERRORS.labels("window_closed").inc()
        log.warning("window_closed", message_id=str(message_id), fallback=queued)


_FALLBACK = "the 24-hour window is closed: the channel's fallback template stands for it"
_NO_FALLBACK = "the 24-hour window is closed and the channel has no fallback_template"


def _addressed(message: Outbound) -> Ids:
    """By which of the customer's keys a message was sent."""
    to = address(message.keys or ())
    return Ids(number=to.get("to"), user_id=to.get("recipient") or None)


def _window_closed(message: Outbound) -> bool:
    """Whether more than 24 hours have passed since the customer's last word: then only templates go out."""
    since = message.since_customer
    return message.type != "template" and (since is None or since > WINDOW_SECONDS)
