"""Events become contacts, conversations and messages; statuses move messages of ours forward.

Each event is processed in a savepoint of its own: one that cannot be processed is kept as failed and holds no other
back.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import psycopg
import structlog

from gateway import contract
from gateway.channels import Channels
from gateway.store import contacts, conversations, events, outbox
from gateway.store.contacts import Key
from gateway.store.conversations import Inbound, Quiet
from gateway.store.database import AWAY, Connection, Pool
from gateway.store.events import StoredEvent
from gateway.store.outbox import StatusChange
from gateway.telemetry import ERRORS, EVENTS, RECEIVED
from gateway.whatsapp.events import Customer, MessageReceived, StatusChanged, Unknown
from gateway.whatsapp.parse import Item, event
from gateway.whatsapp.raw import decode
from gateway.whatsapp.status import advance

log = structlog.get_logger(__name__)

#: What became of an event, and why.
Outcome = tuple[str, str | None]

_BATCH = 100


class Intake:
    """Processes what webhooks left in the inbox. ``step`` is called in a loop."""

    def __init__(self, pool: Pool, channels: Channels, quiet: Quiet) -> None:
        self._pool = pool
        self._channels = channels
        self._quiet = quiet

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
        except AWAY:
            raise
        except Exception as error:
            # Whatever a stranger's payload or a defect of ours does here must not hold the other customers back.
            log.exception("event_failed", event_id=stored.id, type=stored.type)
            ERRORS.labels("event").inc()
            state = "failed"
            await events.finish(conn, stored.id, state, type(error).__name__)
        EVENTS.labels(state).inc()

    async def _understand(self, conn: Connection, stored: StoredEvent) -> Outcome:
        """Act on an event."""
        if stored.phone_number_id is not None and self._channels.get(stored.phone_number_id) is None:
            return "ignored", "the number is not configured here"
        item = Item(
            stored.key,
            stored.field,
            stored.type,
            stored.phone_number_id,
            None,
            cast("dict[str, Any]", decode(stored.raw)),
        )
        match event(item):
            case MessageReceived(source="messages", group_id=None) as received:
                return await self._message(conn, stored, received)
            case StatusChanged(standby=False) as changed:
                return await self._status(conn, changed)
            case Unknown(reason=reason):
                return "unknown", reason
            case other:
                return "ignored", f"nothing is done about {type(other).__name__}"

    async def _message(self, conn: Connection, stored: StoredEvent, received: MessageReceived) -> Outcome:
        keys = _keys(received.customer)
        if not keys:
            return "unknown", "the sender has no id"
        channel_id = stored.phone_number_id or ""
        contact_id = await contacts.contact_for(conn, keys, received.customer.name)
        conversation_id = await conversations.conversation_for(conn, channel_id, contact_id)
        message = Inbound(
            wamid=received.wamid,
            type=received.content.kind,
            content=contract.inbound(received, stored.received_at),
            event_id=stored.id,
            sent_at=received.timestamp or stored.received_at,
            received_at=stored.received_at,
            awaits=received.content.kind in contract.ANSWERED,
        )
        channel = self._channels.get(channel_id)
        quiet = channel.quiet(self._quiet) if channel else self._quiet
        if not await conversations.add_inbound(conn, conversation_id, message, quiet):
            return "ignored", "the message is there already"
        RECEIVED.labels(message.type).inc()
        return "done", None

    async def _status(self, conn: Connection, changed: StatusChanged) -> Outcome:
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


def _keys(customer: Customer) -> list[Key]:
    named = [("user_id", customer.user_id), ("wa_id", customer.wa_id), ("parent_user_id", customer.parent_user_id)]
    return [Key(kind, value) for kind, value in named if value]
