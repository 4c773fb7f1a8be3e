"""Turn events into contacts, conversations and messages; statuses move our messages forward; the rest is kept.

The events of a batch are processed together; where one cannot be processed, each is processed in a savepoint of its
own, and that one is kept as failed and delays no other. One that cannot be decided yet waits, for a bounded time, and
is processed again. To act on another kind of event: its case in `Intake._act`, and a function in `message_events`
(messages of people) or `notice_events` (reports of Meta).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import NamedTuple

import structlog

from gateway.customers.statements import ids_of
from gateway.customers.tombstones import Tombstones
from gateway.inbox import notice_events
from gateway.inbox.erased_people import ErasedPeople
from gateway.inbox.message_events import IntakeRules, MessageEvents
from gateway.inbox.outcomes import DONE, ERASED, EventOutcome, NotYet
from gateway.numbers.channels import Channels
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime.telemetry import ERRORS, EVENTS, RECEIVED
from gateway.store.customers import contacts
from gateway.store.customers.merging import TurnUnderWayError
from gateway.store.database import CONFLICTS, Connection, Pool, is_away
from gateway.store.inbox import events
from gateway.store.inbox.events import StoredItem
from gateway.store.outbox import statuses
from gateway.store.outbox.statuses import StatusChange
from gateway.whatsapp.webhooks.events import (
    CallChanged,
    ContactSynced,
    ErrorReported,
    HandoverChanged,
    HistoryReceived,
    MessageEchoed,
    MessageReceived,
    StatusChanged,
    Unknown,
    UserIdChanged,
    UserPreferenceChanged,
)
from gateway.whatsapp.webhooks.parse import Event, event
from gateway.whatsapp.webhooks.status import advance

log = structlog.get_logger(__name__)

_BATCH_SIZE = 100
_QUIET_SECONDS = 60.0  # while nothing waits: a notification comes first
_TURN_WAIT = 1.0  # seconds until a merge is tried again that a run delays
_MAX_CONFLICTS = 8  # times that an event may give way to other transactions
_NEED_A_NUMBER = (MessageReceived, MessageEchoed, HistoryReceived, HandoverChanged, StatusChanged)
# A status may arrive before the answer with the id of its message: seconds until the next look.
_STATUS_WAITS = (1.0, 4.0, 16.0, 64.0, 256.0)
_SHORTEST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds between looks at items of an unknown number

NOT_KNOWN = "its number is not known here"
NOT_ITS_APP = "the secret of another app than its number's signed it"
_NO_MESSAGE = "no message of ours"


class _Report(NamedTuple):
    """A status of Meta, and the item that told it."""

    stored: StoredItem
    change: StatusChange


class Intake:
    """The processing of items in the inbox; `step` is called in a loop.

    media_wait: seconds that a turn waits for its media; phone_app_hold: seconds that a message of the phone app
    silences the agent, 0: until somebody hands the conversation back; unknown_number_wait: seconds for which items
    of a number that is not known (yet) are looked at again; number_silence, phone_changed_hold: as in `IntakeRules`;
    tombstones: of people whose old items are not taken again, None where nobody can be erased.
    """

    def __init__(
        self, pool: Pool, channels: Channels, quiet: QuietPeriod, *, media_wait: float = 20,
        phone_app_hold: float = 4 * 3600, unknown_number_wait: float = 24 * 3600,
        number_silence: timedelta = timedelta(days=90), phone_changed_hold: timedelta = timedelta(0),
        tombstones: Tombstones | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._erased = ErasedPeople(tombstones)
        self._channels = channels
        self._unknown_number_wait = unknown_number_wait
        self._message_events = MessageEvents(
            channels, IntakeRules(quiet, media_wait, phone_app_hold, number_silence, phone_changed_hold)
        )

    async def step(self) -> float:
        """Process a batch; return 0 when there may be more, else the seconds until the next call."""
        async with self._pool.connection() as conn, conn.transaction():
            await self._erased.look(conn)
            batch = await events.claim(conn, _BATCH_SIZE)
            if not batch:
                return 1.0 if await events.any_left(conn) else _QUIET_SECONDS
            if not (await self._together(conn, batch) or await self._one_by_one(conn, batch)):
                return 0.0
            return 0.0 if len(batch) == _BATCH_SIZE else 1.0

    async def _together(self, conn: Connection, batch: Sequence[StoredItem]) -> bool:
        """Process items by few statements; return False, and change nothing, where one of them cannot be processed."""
        if len(batch) == 1:
            return False
        try:
            await self._process(conn, batch)
        except Exception as error:
            if is_away(error):
                raise
            log.info("batch_divided", items=len(batch), error=type(error).__name__)
            return False
        return True

    async def _one_by_one(self, conn: Connection, batch: Sequence[StoredItem]) -> bool:
        """Process items; return False where the batch ends early.

        It does where it was in the way of another transaction: the other one waits for the locks of all items before,
        so that each further item would be in its way too, for a second each.
        """
        for stored in batch:
            if not await self._process_or_fail(conn, stored):
                return False
        return True

    async def _process_or_fail(self, conn: Connection, stored: StoredItem) -> bool:
        """Process an item, or have it processed later; return False where it gave way to another transaction."""
        try:
            await self._process(conn, [stored])
        except TurnUnderWayError:
            await _defer(conn, stored, NotYet("a run answers in a conversation that is to be merged", _TURN_WAIT))
        except Exception as error:
            if is_away(error):
                raise
            if isinstance(error, CONFLICTS) and stored.attempts < _MAX_CONFLICTS:
                await _defer(conn, stored, NotYet(type(error).__name__, 0.1 * 2**stored.attempts))
                return False
            # A bad payload or a defect of ours must not delay the other customers.
            log.exception("event_failed", event_id=stored.id, type=stored.type)
            ERRORS.labels("event").inc()
            await events.settle(conn, [(stored.id, "failed", type(error).__name__)])
            EVENTS.labels("failed").inc()
        return True

    async def _process(self, conn: Connection, items: Sequence[StoredItem]) -> None:
        """Process items, all of them or none."""
        outcomes: list[tuple[StoredItem, EventOutcome | NotYet]] = []
        reports: list[_Report] = []
        meanings = [event(stored.item()) for stored in items]
        async with conn.transaction():
            if len(items) > 1 and (names := {name for meant in meanings for name in _names(meant)}):
                # Workers whose batches have customers in common wait here, and do not deadlock over conversations.
                await contacts.lock(conn, [*names])
            for stored, meant in zip(items, meanings, strict=True):
                if await self._erased.sent(conn, stored):
                    outcomes.append((stored, ERASED))
                    continue
                outcome = await self._understand(conn, stored, meant)
                if isinstance(outcome, StatusChange):
                    reports.append(_Report(stored, outcome))
                else:
                    outcomes.append((stored, outcome))
            outcomes += await self._apply(conn, reports)
            await _settle(conn, outcomes)
        for _, outcome in outcomes:
            _count(outcome)

    async def _understand(
        self, conn: Connection, stored: StoredItem, meant: Event
    ) -> EventOutcome | NotYet | StatusChange:
        """Act on an item and return its outcome; return a status, which is applied together with others."""
        if (obstacle := self._obstacle(stored)) is not None:
            if stored.age < self._unknown_number_wait:
                return NotYet(obstacle, min(max(stored.age / 4, _SHORTEST_WAIT), _LONGEST_WAIT))
            return EventOutcome("ignored", obstacle)
        if isinstance(meant, _NEED_A_NUMBER) and stored.phone_number_id is None:
            return EventOutcome("unknown", "it does not say to which of our numbers it belongs")
        return await self._act(conn, stored, meant)

    def _obstacle(self, stored: StoredItem) -> str | None:
        """Return why an event cannot be acted on: an unknown number, or the secret of another app; None: it can.

        `serve`, which has the app secrets, finds that a secret may sign after all: `gateway/inbox/late_signatures.py`.
        """
        if stored.phone_number_id is not None and self._channels.get(stored.phone_number_id) is None:
            return NOT_KNOWN
        if stored.verified:
            return None
        return NOT_ITS_APP if stored.phone_number_id is not None else NOT_KNOWN

    async def _act(self, conn: Connection, stored: StoredItem, meant: Event) -> EventOutcome | StatusChange:  # noqa: C901  # a table
        message_events = self._message_events
        match meant:
            case StatusChanged():
                return _change(stored, meant)
            case MessageReceived():
                return await message_events.message(conn, stored, meant)
            case MessageEchoed():
                return await message_events.echo(conn, stored, meant)
            case HistoryReceived():
                return await message_events.history(conn, stored, await self._erased.left_out(conn, stored, meant))
            case UserIdChanged():
                return await message_events.user_id(conn, stored, meant)
            case HandoverChanged():
                return await notice_events.handover(conn, meant, message_events.statement(stored, meant.timestamp))
            case UserPreferenceChanged():
                return await notice_events.preference(conn, meant, message_events.statement(stored, meant.timestamp))
            case ContactSynced():
                return await notice_events.contact_sync(conn, meant, message_events.statement(stored, meant.timestamp))
            case ErrorReported():
                return await notice_events.error(conn, stored, meant)
            case CallChanged():
                log.info("call_not_taken", call_event=meant.event, phone_number_id=stored.phone_number_id)
                return await notice_events.call(conn, meant, message_events.spoken(stored, meant.timestamp))
            case Unknown(reason=reason):
                return EventOutcome("unknown", reason)
            case _:
                return await notice_events.account(conn, stored, meant)

    async def _apply(
        self, conn: Connection, reports: Sequence[_Report]
    ) -> list[tuple[StoredItem, EventOutcome | NotYet]]:
        """Apply statuses by few statements, and return the outcomes of their items."""
        found = await statuses.apply_statuses(conn, [report.change for report in reports], advance)
        return [
            (report.stored, DONE if ours else await self._unknown_message(conn, report))
            for report, ours in zip(reports, found, strict=True)
        ]

    async def _unknown_message(self, conn: Connection, report: _Report) -> EventOutcome | NotYet:
        """Return the outcome of a status without a message; one that was erased with its customer is erased too."""
        erased = await self._erased.named(conn, report.stored)
        # By our id, which it has then, a message is found at once, or a moment later where it was not queued.
        waits = _STATUS_WAITS[:1] if erased and report.change.callback else _STATUS_WAITS
        if report.stored.attempts < len(waits):
            return NotYet(_NO_MESSAGE, waits[report.stored.attempts])
        return ERASED if erased else EventOutcome("ignored", _NO_MESSAGE)


def _names(meant: Event) -> list[str]:
    """Return the names by which the customer of a message is locked."""
    return ids_of(meant.customer).names if isinstance(meant, MessageReceived | MessageEchoed) else []


async def _settle(conn: Connection, outcomes: Sequence[tuple[StoredItem, EventOutcome | NotYet]]) -> None:
    """Store the outcomes of items; those of erased people are deleted."""
    if erased := [stored.id for stored, outcome in outcomes if outcome is ERASED]:
        await events.drop(conn, erased)
    ended = [(stored.id, outcome) for stored, outcome in outcomes if isinstance(outcome, EventOutcome)]
    await events.settle(conn, [(item, outcome.state, outcome.note) for item, outcome in ended if outcome is not ERASED])
    for stored, outcome in outcomes:
        if isinstance(outcome, NotYet):
            await _defer(conn, stored, outcome)


def _count(outcome: EventOutcome | NotYet) -> None:
    if isinstance(outcome, EventOutcome):
        EVENTS.labels(outcome.state).inc()
        if outcome.received:
            RECEIVED.labels(outcome.received).inc()


async def _defer(conn: Connection, stored: StoredItem, wait: NotYet) -> None:
    if stored.attempts == 0:
        say = log.warning if wait.reason in (NOT_KNOWN, NOT_ITS_APP) else log.info
        say("event_waits", event_id=stored.id, type=stored.type, waits_for=wait.reason)
        EVENTS.labels("waiting").inc()
    await events.defer(conn, stored.id, wait.seconds, wait.reason)


def _change(stored: StoredItem, changed: StatusChanged) -> StatusChange | EventOutcome:
    if changed.standby:
        return EventOutcome("ignored", "a status of another app's message")
    cause = changed.errors[0] if changed.errors else None
    return StatusChange(
        channel_id=stored.phone_number_id or "",
        wamid=changed.wamid,
        callback=changed.callback,
        status=changed.status,
        error_code=cause.code if cause else None,
        error=(cause.details or cause.title) if cause else None,
        pricing=asdict(changed.pricing) if changed.pricing else None,
    )
