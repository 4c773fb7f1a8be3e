"""Sending: in each conversation one message at a time, in order, under Meta's rates, never twice for a lost answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, astuple, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import structlog

from gateway.customers import receipts
from gateway.customers.statements import Ids
from gateway.numbers.channels import Channel, Channels
from gateway.numbers.clients import MetaClients, address
from gateway.outbox import fallbacks, replies
from gateway.outbox.files import OutboundFiles
from gateway.outbox.rate_limits import Limiter
from gateway.outbox.template_texts import TemplateTexts
from gateway.runtime.telemetry import ERRORS, LIMITER_WAITS, PROCESSING, SENDS, SENT
from gateway.runtime.tracing import tracer
from gateway.store.database import CONFLICTS, Connection, Pool, is_away
from gateway.store.inbox import events
from gateway.store.outbox import doubts, queue, window
from gateway.store.outbox.queue import Outbound
from gateway.whatsapp.api.client import Sent
from gateway.whatsapp.errors import (
    AccountBlocked,
    PairLimited,
    Temporary,
    Uncertain,
    WhatsAppError,
    WindowClosed,
)

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_QUIET_SECONDS = 60.0  # while nothing is to be sent: a notification comes first
_MAX_IN_FLIGHT = 64  # messages that one process sends to Meta at once
_REQUEST_SECONDS = 20.0  # for a request to Meta, with its connection
_NOTE_SECONDS = 15.0  # to note the outcome while the database answers
_LEASE_SECONDS = _REQUEST_SECONDS + _NOTE_SECONDS  # from the request on: only a dead sender exceeds it
_CLAIM_SECONDS = 30.0  # from a claim to the request: the wait for a slot and for the database
_MAX_ATTEMPTS = 12  # of a send that Meta refused for now; with their delays about half an hour
_MAX_DELAY_SECONDS = 300.0
_MISSING_CHANNEL_SECONDS = 60.0  # between tries of a message whose channel is no longer configured
_MAX_NOTE_ATTEMPTS = 30  # tries, a second apart, to note the outcome of a send


@dataclass(frozen=True, slots=True)
class SendSettings:
    """How long (seconds) an uncertain message waits for its status, and whether it is sent again afterwards.

    longest: seconds for one request to Meta; lease: seconds after which its sender is taken for dead.
    number_silence: as in `IntakeRules`.
    """

    uncertain_wait: float
    resend: bool = False
    longest: float = _REQUEST_SECONDS
    lease: float = _LEASE_SECONDS
    number_silence: timedelta = timedelta(days=90)

    def __post_init__(self) -> None:
        if self.lease < self.longest + _NOTE_SECONDS:
            raise ValueError(f"a lease of {self.lease:g} s is too short for sends of up to {self.longest:g} s")


class Sender:
    """The only sender. `step` and `expire` are called in loops; `drain` waits for the sends in progress."""

    def __init__(
        self, pool: Pool, clients: MetaClients, channels: Channels, limiter: Limiter, settings: SendSettings,
        clock: Callable[[], float] = time.monotonic, objects: ObjectStore | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clients = clients
        self._channels = channels
        self._limiter = limiter
        self._settings = settings
        self._clock = clock
        self._shown = TemplateTexts(pool, clients.api, clock)
        self._files = OutboundFiles(pool, objects, clients.api)
        self._sending: set[asyncio.Task[None]] = set()

    async def step(self) -> float:
        """Send messages that are due, as far as there is room; return the seconds until the next call."""
        room = _MAX_IN_FLIGHT - len(self._sending)
        if room <= 0:
            return 1.0
        async with self._pool.connection() as conn:
            messages = await self._claim(conn, room)
            waiting = bool(messages) or await queue.any_left(conn)
        for message in messages:
            task = asyncio.create_task(self._send_or_fail(message), name=f"send-{message.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if len(messages) >= room:
            return 0.0
        return 1.0 if waiting else _QUIET_SECONDS

    async def _claim(self, conn: Connection, room: int) -> list[Outbound]:
        """Claim messages of the numbers that work, and one probe of each number whose hold has ended."""
        channels = [channel for channel in self._channels.all().values() if not self._clients.is_refused(channel)]
        tried = [channel for channel in channels if self._clients.needs_probe(channel)]
        open_ = [channel.phone_number_id for channel in channels if channel not in tried]
        messages = await queue.claim(conn, room, _CLAIM_SECONDS, open_) if open_ else []
        for channel in tried:
            # One probe is enough for all numbers of an account.
            if not self._clients.needs_probe(channel):
                continue
            if found := await queue.claim(conn, 1, _CLAIM_SECONDS, [channel.phone_number_id]):
                self._clients.begin_probe(channel)
                messages += found
        return messages

    async def expire(self) -> None:
        """Settle messages of dead senders, and messages that have been uncertain for too long."""
        wait, resend = self._settings.uncertain_wait, self._settings.resend
        async with self._pool.connection() as conn, conn.transaction():
            expired = await doubts.expire(conn, wait, resend=resend, attempts=_MAX_ATTEMPTS)
            refused = await window.refused(conn, _MAX_IN_FLIGHT)
        if any(astuple(expired)):
            log.warning("sends_expired", **asdict(expired))
        if expired.given_up:
            ERRORS.labels("given_up").inc(expired.given_up)
            SENDS.labels("given_up", "").inc(expired.given_up)
        for one in refused:
            async with self._pool.connection() as conn:
                await fallbacks.keep_back(conn, one.conversation_id, one.id, self._channels.get(one.channel_id))

    async def drain(self) -> None:
        """Wait for the sends in progress."""
        if self._sending:
            await asyncio.wait(self._sending)

    # One message -------------------------------------------------------------------------------------------------

    async def _send_or_fail(self, message: Outbound) -> None:
        try:
            await self._send(message)
        except Exception:
            # A defect of ours in one message must not delay the others. It is not known whether it was sent.
            ERRORS.labels("send").inc()
            log.exception("send_crashed", message_id=str(message.id))
            await self._note(lambda conn: queue.mark_uncertain(conn, message, None, "a defect of the gateway"))

    async def _send(self, message: Outbound) -> None:
        channel = self._channels.get(message.channel_id)
        if channel is None:
            await self._note(
                lambda conn: queue.retry(conn, message, _MISSING_CHANNEL_SECONDS, None, "its channel is gone")
            )
            return
        if fallbacks.window_closed(message):
            await self._note(lambda conn: fallbacks.keep_back(conn, message.conversation_id, message.id, channel))
            return
        delay = await self._limiter.acquire(
            channel.phone_number_id, str(message.contact_id), channel.messages_per_second
        )
        if delay > 0:
            LIMITER_WAITS.labels("rate").inc()
            await self._note(lambda conn: queue.postpone(conn, message, delay))
            return
        try:
            await self._shown.keep(channel, message)
            await self._files.attach(channel, message)
            with tracer.start_as_current_span("send", attributes={"message.id": str(message.id)}):
                sent = await self._post(channel, message)
        except WhatsAppError as error:
            SENDS.labels(type(error).__name__.lower(), str(error.code or "")).inc()
            await self._not_accepted(channel, message, error)
        else:
            if sent is None:
                self._clients.probe_inconclusive(channel)
            else:
                self._clients.mark_working(channel, message.conversation_id)
                await self._accepted(message, sent)
                await receipts.learn(
                    self._pool, channel, _addressed(message), message.keys or (), sent, self._settings.number_silence
                )

    async def _post(self, channel: Channel, message: Outbound) -> Sent | None:
        """Ask Meta to send a message; return None where it is not to be asked."""
        payload = replies.payload(message.content, message.id, message.keys or ())
        if not await self._offering(message):
            return None
        try:
            async with asyncio.timeout(self._settings.longest):
                return await self._clients.api(channel).send(channel.phone_number_id, payload)
        except TimeoutError:
            raise Uncertain(f"Meta has not answered within {self._settings.longest:g} s.") from None

    async def _offering(self, message: Outbound) -> bool:
        """Note that Meta is about to be asked; return False where it is not to be.

        That is where another sender has the message, where the agent does not hold the conversation any more, or where
        the database is away.
        """
        try:
            async with self._pool.connection() as conn:
                offered = await queue.mark_offered(conn, message, self._settings.lease)
        except psycopg.Error as error:
            log.warning("send_put_off", message_id=str(message.id), error=type(error).__name__)
            return False
        if offered is None:
            SENDS.labels("silenced", "").inc()
            log.info("send_silenced", message_id=str(message.id))
        return bool(offered)

    async def _accepted(self, message: Outbound, sent: Sent) -> None:
        async def note(conn: Connection) -> None:
            async with conn.transaction():
                await queue.mark_accepted(conn, message.id, sent.wamid)
                # A status that came before this answer, without our id in it, found no message then.
                await events.reopen_statuses(conn, sent.wamid)

        if message.since_inbound is not None:
            PROCESSING.observe(message.since_inbound + self._clock() - message.claimed_at)
        SENT.labels(message.type).inc()
        SENDS.labels("accepted", "").inc()
        await self._note(note)

    async def _not_accepted(self, channel: Channel, message: Outbound, error: WhatsAppError) -> None:
        """Decide by the class of the error, which tells whether the message may have been sent."""
        log.warning("send_refused", message_id=str(message.id), error=str(error), kind=type(error).__name__)
        reason = str(error)
        if isinstance(error, AccountBlocked):
            await self._blocked(channel, message, error)
            return
        self._clients.probe_inconclusive(channel)
        if isinstance(error, Uncertain):
            await self._note(lambda conn: queue.mark_uncertain(conn, message, error.code, reason))
        elif isinstance(error, WindowClosed) and message.type != "template":
            await self._note(lambda conn: fallbacks.keep_back(conn, message.conversation_id, message.id, channel))
        elif isinstance(error, Temporary) and message.attempts < _MAX_ATTEMPTS:
            delay = await self._delay(error, message)
            await self._note(lambda conn: queue.retry(conn, message, delay, error.code, reason))
        else:
            ERRORS.labels("send").inc()
            await self._note(lambda conn: queue.mark_failed(conn, message, error.code, reason))

    async def _blocked(self, channel: Channel, message: Outbound, error: AccountBlocked) -> None:
        """Hold the number or the account; a later message finds out whether it works again."""
        held = self._clients.refuse(channel, error, message.conversation_id)
        if held:
            await self._note(lambda conn: queue.postpone(conn, message, held + 1))
        else:
            ERRORS.labels("send").inc()
            await self._note(
                lambda conn: queue.mark_failed(conn, message, error.code, f"of this recipient only: {error}")
            )

    async def _delay(self, error: Temporary, message: Outbound) -> float:
        """Return the seconds until the next try: Meta's own, else growing ones; a pair is suspended for all workers."""
        if isinstance(error, PairLimited):
            return await self._limiter.back_off(message.channel_id, str(message.contact_id))
        return min(error.retry_after or 2.0**message.attempts, _MAX_DELAY_SECONDS)

    async def _note(self, change: Callable[[Connection], Awaitable[None]]) -> None:
        """Note the outcome of a send, also when the database is away for a while; else its lease makes it uncertain."""
        for _ in range(_MAX_NOTE_ATTEMPTS):
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


def _addressed(message: Outbound) -> Ids:
    """Return the customer's key to which a message was sent."""
    to = address(message.keys or ())
    return Ids(number=to.get("to"), user_id=to.get("recipient") or None)
