"""Events about conversations: messages, echoes, statuses, calls. Account-level events: `accounts`.

Every text is clean (no NUL, no lone surrogate); ids are as Meta gave them; times are aware datetimes in UTC, None where
the payload has none that can be read. Raw forms keep everything as it came.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.whatsapp.errors import Cause
from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.webhooks.contents import Content


@dataclass(frozen=True, slots=True)
class Customer:
    """All names that a payload gives a customer; any of them may be missing, `wa_id` included.

    wa_id: phone number without `+`; user_id: business-scoped id (BSUID); parent_user_id: the portfolio's BSUID.
    """

    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    username: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product of a catalogue that a message is about."""

    catalog_id: str | None
    product_retailer_id: str | None


@dataclass(frozen=True, slots=True)
class Context:
    """The message that one answers (`message_id`), and whether it was forwarded (`often`: more than five times)."""

    message_id: str | None = None
    sender: str | None = None
    forwarded: bool = False
    often: bool = False
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class Referral:
    """The advertisement or post that brought the customer (click to WhatsApp)."""

    source_type: str | None = None
    source_id: str | None = None
    source_url: str | None = None
    headline: str | None = None
    body: str | None = None
    media_type: str | None = None
    media_url: str | None = None
    ctwa_clid: str | None = None


Source = Literal["messages", "standby", "history", "business_app"]


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message of a customer.

    source: `messages`: for us to answer; `standby`: another app or Meta's agent has the conversation;
    `history`: from before the number came to the Cloud API. group_id: it was sent in a group.
    """

    wamid: str
    timestamp: datetime | None
    customer: Customer
    content: Content
    context: Context | None = None
    referral: Referral | None = None
    group_id: str | None = None
    errors: tuple[Cause, ...] = ()
    source: Source = "messages"


@dataclass(frozen=True, slots=True)
class MessageEchoed:
    """A message of the business that we did not send.

    source: `business_app`: a person wrote it in the phone app; `standby`: Meta's agent or another app; `history`: it
    is from before. customer: the recipient; status: its delivery, in history's word.
    """

    wamid: str
    timestamp: datetime | None
    customer: Customer
    content: Content
    context: Context | None = None
    source: Source = "business_app"
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """The price of a message: model `PMP` or `CBP`; type and category in Meta's words."""

    billable: bool | None = None
    model: str | None = None
    type: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A message that we sent has a new status: `sent`, `delivered`, `read`, `played`, `failed` (with errors) ...

    callback: our id (biz_opaque_callback_data), the proof that an uncertain message went out; participant: the
    member, where the message went to a group; standby: another app's message.
    """

    wamid: str
    status: str
    timestamp: datetime | None
    customer: Customer
    callback: str | None = None
    pricing: Pricing | None = None
    conversation_id: str | None = None
    conversation_category: str | None = None
    conversation_expiry: datetime | None = None
    errors: tuple[Cause, ...] = ()
    group_id: str | None = None
    participant: Customer | None = None
    standby: bool = False


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A voice call: event `connect` or `terminate`, or `status` with Meta's word in `status` (RINGING ...)."""

    id: str
    event: str
    timestamp: datetime | None
    customer: Customer
    direction: str | None = None
    status: str | None = None
    duration: int | None = None  # seconds
    callback: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorReported:
    """An error of a webhook value as a whole; `about`: the ids of the same value."""

    cause: Cause
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandoverChanged:
    """Control over a conversation went from one app to another.

    ours: it is ours now (None: the payload does not tell); the truth for each message is the field that it comes by,
    `messages` or `standby`. Owners are app ids or roles (`ai_agent`, `escalation` ...).
    """

    type: str
    timestamp: datetime | None
    customer: Customer
    ours: bool | None
    previous_owner: str | None = None
    new_owner: str | None = None
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryReceived:
    """A chunk of the phone app's history (180 days before the number was connected); progress in per cent."""

    messages: list[MessageReceived | MessageEchoed]
    phase: int | None = None
    chunk_order: int | None = None
    progress: int | None = None
    errors: tuple[Cause, ...] = ()
    unread: list[Json] = field(default_factory=list)  # raw forms that could not be understood


@dataclass(frozen=True, slots=True)
class ContactSynced:
    """The phone app's address book changed: action `add` (also for edits) or `remove`."""

    action: str
    customer: Customer
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserPreferenceChanged:
    """The customer's choice about marketing: value `stop`, `resume` or `signup`."""

    customer: Customer
    category: str
    value: str
    timestamp: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class UserIdChanged:
    """The customer has a new business-scoped id."""

    customer: Customer
    previous: str | None
    current: str | None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An item that this version does not understand, whole, for a later version. reason: in our words."""

    key: str
    field: str
    type: str
    raw: Json
    reason: str
