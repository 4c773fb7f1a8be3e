"""Put messages of customers, and of the business by other ways, into conversations.

Each function acts on one event inside the caller's transaction and returns its outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from gateway.customers import identity
from gateway.customers.statements import Ids, Statement, ids_of, scopes
from gateway.inbox import run_items
from gateway.inbox.courtesies import is_courtesy
from gateway.inbox.outcomes import DONE, DUPLICATE_MESSAGE, UNIDENTIFIED_CUSTOMER, UNREADABLE_EDIT, EventOutcome
from gateway.numbers.channels import Channels
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store import conversations, ownership
from gateway.store.customers import contacts
from gateway.store.database import Connection
from gateway.store.inbox import messages
from gateway.store.inbox.events import StoredItem
from gateway.store.inbox.messages import IncomingMessage, NewMedia
from gateway.whatsapp.webhooks.contents import (
    ContactsContent,
    EditContent,
    MediaContent,
    ReactionContent,
    RevokeContent,
    SystemContent,
    UnsupportedContent,
)
from gateway.whatsapp.webhooks.events import HistoryReceived, MessageEchoed, MessageReceived, UserIdChanged

_CLOCK_SKEW = timedelta(minutes=5)  # that Meta's clock may be ahead of ours
# The states of history's messages of the business, in the words of our table.
_HISTORY_STATUS = {"DELIVERED": "delivered", "READ": "read", "PLAYED": "played", "ERROR": "failed"}


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """The times that intake works with; those in numbers are seconds.

    quiet: after which a customer has finished; media_wait: that a turn waits for its media; phone_app_hold: of the
    agent's silence after the phone app's last message, 0: until a person hands the conversation back; silence: after
    which a number may be another person's; phone_changed_hold: in which changes need a proof after WhatsApp reported
    that the customer has another phone.
    """

    quiet: QuietPeriod
    media_wait: float = 20.0
    phone_app_hold: float = 4 * 3600.0
    silence: timedelta = timedelta(days=90)
    phone_changed_hold: timedelta = timedelta(0)


class MessageEvents:
    """Acts on messages of customers, echoes, history, and reports of new keys of a customer."""

    def __init__(self, channels: Channels, rules: IntakeRules) -> None:
        self._channels = channels
        self._rules = rules

    def statement(self, stored: StoredItem, at: datetime | None) -> Statement:
        """Return an event as a statement about customers; without a past time it counts from its receipt."""
        channel_id = stored.phone_number_id or ""
        channel = self._channels.get(channel_id)
        quiet = channel.quiet(self._rules.quiet) if channel else self._rules.quiet
        if at is None or at > stored.received_at + _CLOCK_SKEW:
            at = stored.received_at
        return Statement(at, channel_id, scopes(channel, channel_id, stored.waba_id), stored.id, quiet)

    def spoken(self, stored: StoredItem, at: datetime | None) -> Statement:
        """Return the statement of an act of the customer: after a long silence it may be another person's."""
        return replace(self.statement(stored, at), spoken=True, silence=self._rules.silence)

    async def message(self, conn: Connection, stored: StoredItem, received: MessageReceived) -> EventOutcome:
        """Add a customer's message, which came to us or to another app that has the conversation."""
        statement = self.spoken(stored, received.timestamp)
        contact_id = await self._sender(conn, received, statement)
        if contact_id is None:
            return UNIDENTIFIED_CUSTOMER
        if isinstance(received.content, EditContent) and received.content.content is None:
            return UNREADABLE_EDIT
        conversation = await conversations.locked(conn, statement.channel_id, contact_id)
        if received.source == "standby":
            await ownership.control_lost(conn, conversation.id, statement.at)
        elif (
            received.source == "messages"
            and received.group_id is None
            and conversation.controlled_before(statement.at)
            and await ownership.control_returned(conn, conversation.id, statement.at)
        ):
            await statement.quiet.schedule(conn, conversation.id)
        message = await self._incoming(conn, stored, received, contact_id, statement)
        if not await _add(conn, conversation.id, message, statement):
            return DUPLICATE_MESSAGE
        return EventOutcome("done", received=message.type)

    async def _sender(self, conn: Connection, received: MessageReceived, statement: Statement) -> UUID | None:
        """Return the contact who sent a message; WhatsApp's own messages may give a contact new keys."""
        named, content = ids_of(received.customer), received.content
        if isinstance(content, SystemContent):
            named = _before(named, content)
        if isinstance(content, ContactsContent) and content.own_number and named.user_id and named.number is None:
            named = replace(named, number=content.own_number)
        if not named.strong:
            return None
        match content:
            case SystemContent(event="user_changed_number"):
                new = Ids(content.wa_id, content.user_id, content.parent_user_id)
                contact_id = await identity.number_changed(conn, named, new, statement)
            case SystemContent(event="user_changed_user_id"):
                parent = content.parent_user_id or named.parent
                current = Ids(content.wa_id or named.number, content.user_id, parent)
                contact_id = await identity.user_id_changed(conn, named.user_id, current, statement)
            case _:
                contact_id = await identity.customer_for(conn, named, statement)
        if isinstance(content, SystemContent) and content.event == "customer_identity_changed":
            await identity.phone_changed(conn, contact_id, statement, self._rules.phone_changed_hold)
        await contacts.rename(conn, contact_id, received.customer.name, received.customer.username, statement.at)
        return contact_id

    async def _incoming(
        self, conn: Connection, stored: StoredItem, received: MessageReceived, contact_id: UUID, statement: Statement
    ) -> IncomingMessage:
        content, context = received.content, received.context
        quoted = await messages.quoted(conn, contact_id, context.message_id) if context and context.message_id else None
        media = self._media(received, statement.channel_id)
        item = run_items.inbound(received, stored.received_at, quoted=quoted, media_id=str(media.id) if media else "")
        in_person = received.group_id is None
        return IncomingMessage(
            wamid=received.wamid,
            author="customer",
            type=run_items.kind(received),
            content=item,
            event_id=stored.id,
            sent_at=statement.at,
            received_at=stored.received_at,
            courtesy=is_courtesy(item),
            awaits=in_person and received.source != "history" and run_items.answered(received, stored.type),
            opens_window=in_person and not isinstance(content, SystemContent | EditContent | RevokeContent),
            source=received.source,
            group_id=received.group_id,
            amends=content.message_id if isinstance(content, EditContent | RevokeContent) else None,
            media=media,
        )

    def _media(self, received: MessageReceived, channel_id: str) -> NewMedia | None:
        """Return the media to fetch; None for history's, which is old and no turn waits for."""
        media = received.content
        if not isinstance(media, MediaContent) or received.source == "history":
            return None
        return NewMedia(uuid4(), channel_id, media.id, media.kind, media.mime_type, self._rules.media_wait)

    async def echo(self, conn: Connection, stored: StoredItem, echoed: MessageEchoed) -> EventOutcome:
        """Add a message that the business sent by another way: it silences the agent like a person's."""
        statement = self.statement(stored, echoed.timestamp)
        named = ids_of(echoed.customer)
        if not named.strong:
            return UNIDENTIFIED_CUSTOMER
        if isinstance(echoed.content, EditContent) and echoed.content.content is None:
            return UNREADABLE_EDIT
        contact_id = await identity.customer_for(conn, named, statement)
        conversation_id = await conversations.conversation_for(conn, statement.channel_id, contact_id)
        if not await self._add_echo(conn, conversation_id, stored, echoed, statement):
            return DUPLICATE_MESSAGE
        if echoed.source == "standby":
            await ownership.control_lost(conn, conversation_id, statement.at)
        elif not isinstance(echoed.content, ReactionContent | EditContent | RevokeContent):
            await self._silence(conn, conversation_id, statement)
        return DONE

    async def _silence(self, conn: Connection, conversation_id: UUID, statement: Statement) -> None:
        """Silence the agent after a message of the phone app, unless a later event already changed that."""
        hold = self._rules.phone_app_hold
        until = statement.at + timedelta(seconds=hold) if hold else None
        await ownership.phone_app_spoke(conn, conversation_id, statement.at, until)

    async def _add_echo(
        self, conn: Connection, conversation_id: UUID, stored: StoredItem, echoed: MessageEchoed, statement: Statement
    ) -> bool:
        content = echoed.content
        kind = run_items.kind(echoed)
        message = IncomingMessage(
            wamid=echoed.wamid,
            author="app",
            type=kind,
            content={**run_items.inbound(echoed, stored.received_at), "type": kind},
            event_id=stored.id,
            sent_at=statement.at,
            received_at=statement.at if echoed.source == "history" else stored.received_at,
            status=_HISTORY_STATUS.get(echoed.status or "", "sent"),
            source=echoed.source,
            amends=content.message_id if isinstance(content, EditContent | RevokeContent) else None,
        )
        return await _add(conn, conversation_id, message, statement)

    async def history(self, conn: Connection, stored: StoredItem, told: HistoryReceived) -> EventOutcome:
        """Add the messages from before the number came here; they wait for no answer."""
        for message in told.messages:
            by_them = isinstance(message, MessageReceived)
            statement = replace(self.statement(stored, message.timestamp), spoken=by_them)
            named = ids_of(message.customer)
            if not named.strong or isinstance(message.content, UnsupportedContent):
                continue
            contact_id = await identity.customer_for(conn, named, statement)
            await contacts.rename(conn, contact_id, message.customer.name, message.customer.username, statement.at)
            conversation_id = await conversations.conversation_for(conn, statement.channel_id, contact_id)
            if isinstance(message, MessageEchoed):
                await self._add_echo(conn, conversation_id, stored, message, statement)
                continue
            before = replace(
                await self._incoming(conn, stored, message, contact_id, statement), received_at=statement.at
            )
            await _add(conn, conversation_id, before, statement)
        problems = [f"error {cause.code}" for cause in told.errors]
        problems += [f"{len(told.unread)} messages are of no known shape"] if told.unread else []
        return EventOutcome("done", "; ".join(problems) or None)

    async def user_id(self, conn: Connection, stored: StoredItem, changed: UserIdChanged) -> EventOutcome:
        """Give a customer the business-scoped id that Meta reports."""
        named = ids_of(changed.customer)
        current = Ids(named.number, changed.current, named.parent)
        if not current.strong and changed.previous is None:
            return UNIDENTIFIED_CUSTOMER
        statement = replace(self.spoken(stored, changed.timestamp), spoken=False)
        contact_id = await identity.user_id_changed(conn, changed.previous, current, statement)
        await contacts.rename(conn, contact_id, changed.customer.name, changed.customer.username, statement.at)
        return DONE


async def _add(conn: Connection, conversation_id: UUID, message: IncomingMessage, statement: Statement) -> bool:
    """Add a message and set when the next turn is due; False when it is there already."""
    added = await messages.add(conn, conversation_id, message)
    if added and message.affects_turns:
        await statement.quiet.schedule(conn, conversation_id)
    return added


def _before(named: Ids, told: SystemContent) -> Ids:
    """Return a customer's ids before the change in a system message, which names them since August 2026."""
    user_id, parent = told.previous_user_id or named.user_id, told.previous_parent_user_id or named.parent
    return replace(named, user_id=user_id, parent=parent)
