"""Events become contacts, conversations and messages; statuses move messages of ours forward; the rest is kept.

Each event is processed in a savepoint of its own: one that cannot be processed is kept as failed and holds no other
back. To act on another kind of event: its case in `Intake._act`, and a function in `arrivals` (what people say) or
`notices` (what Meta tells).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import psycopg
import structlog

from gateway import notices
from gateway.arrivals import Arrivals, Outcome, Rules
from gateway.channels import Channels
from gateway.store import events, outbox
from gateway.store.conversations import Quiet
from gateway.store.database import Connection, Pool, is_away
from gateway.store.events import StoredEvent
from gateway.store.merging import TurnUnderWayError
from gateway.store.outbox import StatusChange
from gateway.telemetry import ERRORS, EVENTS
from gateway.whatsapp.events import (
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
from gateway.whatsapp.parse import Event, Item, event
from gateway.whatsapp.raw import decode
from gateway.whatsapp.status import advance

log = structlog.get_logger(__name__)

_BATCH = 100
_TURN_UNDER_WAY = 1.0  # seconds until a merge that a run keeps back is tried again
_OF_A_CONVERSATION = (MessageReceived, MessageEchoed, HistoryReceived, HandoverChanged)


class Intake:
    """Processes what webhooks left in the inbox. ``step`` is called in a loop.

    media_wait: seconds that a turn waits for its media; phone_app_hold: seconds that a message of the phone app
    silences the agent, 0: until somebody hands the conversation back.
    """

    def __init__(
        self, pool: Pool, channels: Channels, quiet: Quiet, *, media_wait: float = 20, phone_app_hold: float = 4 * 3600
    ) -> None:
        self._pool = pool
        self._channels = channels
        self._arrivals = Arrivals(channels, Rules(quiet, media_wait, phone_app_hold))

    async def step(self) -> float:
        """Process a batch; 0 when there may be more, else seconds until it should be called again."""
        async with self._pool.connection() as conn, conn.transaction():
            batch = await events.claim(conn, _BATCH)
            for stored in batch:
                await self._process(conn, stored)
        return 0.0 if len(batch) == _BATCH else 1.0

    async def _process(self, conn: Connection, stored: StoredEvent) -> None:
        try:
            async with conn.transaction():
                state, note = await self._understand(conn, stored)
                await events.finish(conn, stored.id, state, note)
        except psycopg.errors.DeadlockDetected:
            return  # two workers met at one customer: this event stays new and is next in line
        except TurnUnderWayError:
            await events.defer(conn, stored.id, _TURN_UNDER_WAY)
            return
        except Exception as error:
            if is_away(error):
                raise
            # Whatever a stranger's payload or a defect of ours does here must not hold the other customers back.
            log.exception("event_failed", event_id=stored.id, type=stored.type)
            ERRORS.labels("event").inc()
            state = "failed"
            await events.finish(conn, stored.id, state, type(error).__name__)
        EVENTS.labels(state).inc()

    async def _understand(self, conn: Connection, stored: StoredEvent) -> Outcome:
        if stored.phone_number_id is not None and self._channels.get(stored.phone_number_id) is None:
            return "ignored", "the number is not configured here"
        value = cast("dict[str, Any]", decode(stored.raw))
        item = Item(stored.key, stored.field, stored.type, stored.phone_number_id, stored.waba_id, value)
        meant = event(item)
        if isinstance(meant, _OF_A_CONVERSATION) and stored.phone_number_id is None:
            return "unknown", "it does not say to which of our numbers it belongs"
        return await self._act(conn, stored, meant)

    async def _act(self, conn: Connection, stored: StoredEvent, meant: Event) -> Outcome:  # noqa: C901  # a table
        arrivals = self._arrivals
        match meant:
            case MessageReceived():
                return await arrivals.message(conn, stored, meant)
            case StatusChanged():
                return await _status(conn, meant)
            case MessageEchoed():
                return await arrivals.echo(conn, stored, meant)
            case HistoryReceived():
                return await arrivals.history(conn, stored, meant)
            case UserIdChanged():
                return await arrivals.user_id(conn, stored, meant)
            case HandoverChanged():
                return await notices.handover(conn, meant, arrivals.statement(stored, meant.timestamp))
            case UserPreferenceChanged():
                return await notices.preference(conn, meant, arrivals.statement(stored, meant.timestamp))
            case ContactSynced():
                return await notices.contact_sync(conn, meant, arrivals.statement(stored, meant.timestamp))
            case ErrorReported():
                return await notices.error(conn, stored, meant)
            case CallChanged():
                log.info("call_not_taken", call_event=meant.event, phone_number_id=stored.phone_number_id)
                return await notices.call(conn, meant, arrivals.statement(stored, meant.timestamp))
            case Unknown(reason=reason):
                return "unknown", reason
            case _:
                return await notices.account(conn, stored, meant)


async def _status(conn: Connection, changed: StatusChanged) -> Outcome:
    if changed.standby:
        return "ignored", "a status of another app's message"
    cause = changed.errors[0] if changed.errors else None
    change = StatusChange(
        wamid=changed.wamid,
        callback=changed.callback,
        status=changed.status,
        error_code=cause.code if cause else None,
        error=(cause.details or cause.title) if cause else None,
        pricing=asdict(changed.pricing) if changed.pricing else None,
    )
    if not await outbox.apply_status(conn, change, advance):
        return "ignored", "no message of ours"
    return "done", None
