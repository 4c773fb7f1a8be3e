"""Act on events besides messages: control of threads, preferences, calls, states of accounts and templates.

Each function acts on one event inside the caller's transaction and returns its outcome.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import structlog

from gateway.customers import identity
from gateway.customers.statements import Statement, ids_of
from gateway.inbox.outcomes import DONE, SUPERSEDED, UNIDENTIFIED_CUSTOMER, EventOutcome
from gateway.runtime.telemetry import ERRORS
from gateway.store import conversations, ownership
from gateway.store.customers import contacts, marketing
from gateway.store.database import Connection
from gateway.store.inbox.events import StoredItem
from gateway.store.numbers import accounts
from gateway.store.numbers.accounts import AccountState
from gateway.whatsapp.webhooks.accounts import (
    AccountAlerted,
    AccountEvent,
    AccountUpdated,
    FlowChanged,
    TemplateQualityChanged,
    TemplateRef,
)
from gateway.whatsapp.webhooks.events import (
    CallChanged,
    ContactSynced,
    ErrorReported,
    HandoverChanged,
    UserPreferenceChanged,
)

_MARKETING = "marketing_messages"

log = structlog.get_logger(__name__)


async def handover(conn: Connection, changed: HandoverChanged, statement: Statement) -> EventOutcome:
    """Note that another app got or lost control of a conversation; the agent is silent while another app has it."""
    if changed.ours is None:
        return EventOutcome("ignored", "it does not say whether control is ours; the next message's field does")
    named = ids_of(changed.customer)
    if not named.strong:
        return UNIDENTIFIED_CUSTOMER
    contact_id = await identity.customer_for(conn, named, statement)
    conversation_id = await conversations.conversation_for(conn, statement.channel_id, contact_id)
    if changed.ours:
        fresh = await ownership.control_returned(conn, conversation_id, statement.at)
        if fresh:
            await statement.quiet.schedule(conn, conversation_id)
    else:
        fresh = await ownership.control_lost(conn, conversation_id, statement.at)
    return DONE if fresh else SUPERSEDED


async def call(conn: Connection, changed: CallChanged, statement: Statement) -> EventOutcome:
    """Open Meta's 24-hour window for a customer's call; the agent takes no calls."""
    named = ids_of(changed.customer)
    if changed.direction != "USER_INITIATED" or changed.event != "connect" or not named.strong:
        return EventOutcome("ignored", "a call: the agent takes none")
    contact_id = await identity.customer_for(conn, named, statement)
    conversation_id = await conversations.conversation_for(conn, statement.channel_id, contact_id)
    await conversations.open_window(conn, conversation_id, statement.at)
    return EventOutcome("done", "a call: not taken, but it opens the 24-hour window")


async def preference(conn: Connection, changed: UserPreferenceChanged, statement: Statement) -> EventOutcome:
    """Store the customer's choice about marketing, which proactive templates obey."""
    if changed.category != _MARKETING or changed.value not in ("stop", "resume", "signup"):
        return EventOutcome("unknown", "a preference that this version does not know")
    named = ids_of(changed.customer)
    if not named.strong:
        return UNIDENTIFIED_CUSTOMER
    contact_id = await identity.customer_for(conn, named, statement)
    await contacts.rename(conn, contact_id, changed.customer.name, changed.customer.username, statement.at)
    await marketing.set_choice(conn, contact_id, changed.value, statement.at)
    return DONE


async def contact_sync(conn: Connection, synced: ContactSynced, statement: Statement) -> EventOutcome:
    """Name a customer who has no name by the phone app's address book; create no customer."""
    named = ids_of(synced.customer)
    contact_id = await identity.known(conn, named, statement.at) if named.strong else None
    if contact_id is None or synced.action != "add" or not synced.customer.name:
        return EventOutcome("ignored", "the address book of the phone app is not copied")
    await contacts.name_first(conn, contact_id, synced.customer.name)
    return DONE


async def account(conn: Connection, stored: StoredItem, told: AccountEvent) -> EventOutcome:
    """Keep the newest state of each account, number and template."""
    value = {name: _plain(part) for name, part in asdict(told).items() if name != "time"}
    at = told.time or stored.received_at
    # Changes of quality have been seen under the field for the status, which they must not replace.
    kind = "message_template_quality_update" if isinstance(told, TemplateQualityChanged) else stored.field
    kept = await accounts.keep(conn, AccountState(kind, _subject(told), stored.waba_id or "", value, at))
    log.info("account_update", kind=kind, waba_id=stored.waba_id)
    return DONE if kept else SUPERSEDED


async def error(conn: Connection, stored: StoredItem, reported: ErrorReported) -> EventOutcome:
    """Keep an error of a whole webhook by its code, count it and log it."""
    code = str(reported.cause.code or "")
    log.warning("meta_reported_error", code=code, phone_number_id=stored.phone_number_id)
    ERRORS.labels("meta").inc()
    value = {"code": reported.cause.code, "title": reported.cause.title, "details": reported.cause.details}
    subject = f"{stored.phone_number_id or ''}:{code}"
    await accounts.keep(conn, AccountState("error", subject, stored.waba_id or "", value, stored.received_at))
    return DONE


def _subject(told: AccountEvent) -> str:
    """Return the subject of an update, so that a later one replaces only this one."""
    template = getattr(told, "template", None)
    if isinstance(template, TemplateRef):
        return template.id or f"{template.name}/{template.language}"
    if isinstance(told, AccountAlerted):
        return f"{told.entity_id or ''}:{told.type}"
    names = ("flow_id", "group_id", "display_phone_number", "phone_number")
    about = next((found for name in names if (found := getattr(told, name, None))), "account")
    # These cover several subjects: a verified account does not end a violation.
    return f"{about}:{told.event}" if isinstance(told, AccountUpdated | FlowChanged) else str(about)


def _plain(value: object) -> object:
    """Return JSON for a row: times as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
