"""Events about templates, numbers and accounts. Field names and words of events are Meta's."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway.whatsapp.json_bytes import Json


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """The id, name and language of a template."""

    id: str | None
    name: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class TemplateStatusChanged:
    """A template was approved, rejected (reason), paused, disabled (disable_date) ...; note: Meta's explanation."""

    template: TemplateRef
    event: str
    reason: str | None = None
    category: str | None = None
    disable_date: str | None = None
    note: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateQualityChanged:
    """The quality of a template: GREEN, YELLOW, RED, UNKNOWN."""

    template: TemplateRef
    previous: str | None
    current: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateCategoryChanged:
    """The category of a template changed, or will within 24 hours (`correct`: the announced one)."""

    template: TemplateRef
    previous: str | None
    current: str | None
    correct: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateComponentsChanged:
    """A template's texts or buttons were edited; `value`: in Meta's words."""

    template: TemplateRef
    value: Json
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """A restriction of an account (RESTRICTED_BIZ_INITIATED_MESSAGING ...) and its end."""

    type: str
    expiry: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountUpdated:
    """Something about the business account: event ACCOUNT_RESTRICTION, ACCOUNT_VIOLATION, DISABLED_UPDATE ...

    ban_state: SCHEDULE_FOR_DISABLE, DISABLE, REINSTATE; value: all of it, in Meta's words.
    """

    event: str
    phone_number: str | None = None
    ban_state: str | None = None
    ban_date: str | None = None
    violation: str | None = None
    restrictions: tuple[Restriction, ...] = ()
    value: Json = field(default_factory=dict)
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountReviewed:
    """The review of the account: APPROVED, REJECTED ..."""

    decision: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountAlerted:
    """An alert about an account or a number: limits, profile, official business account."""

    type: str
    severity: str | None = None
    status: str | None = None
    description: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class NumberQualityChanged:
    """A number's messaging limit or throughput: event FLAGGED, UNFLAGGED, UPGRADE, DOWNGRADE, THROUGHPUT_UPGRADE ..."""

    display_phone_number: str | None
    event: str
    current_limit: str | None = None
    old_limit: str | None = None
    daily_conversations: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class NumberNameReviewed:
    """The review of a number's display name: APPROVED, DECLINED, DEFERRED, PENDING."""

    display_phone_number: str | None
    decision: str
    requested_name: str | None = None
    reason: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class SecurityChanged:
    """A security setting of a number: PIN_CHANGED, PIN_RESET_REQUEST ..."""

    display_phone_number: str | None
    event: str
    requester: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class CapabilitiesChanged:
    """Limits of the business: customers that it may write to first in 24 hours, numbers.

    daily_conversations: a tier (TIER_2K, TIER_UNLIMITED) or, in older webhooks, their count as text ("2000", "-1").
    """

    daily_conversations: str | None = None
    numbers_per_business: int | None = None
    numbers_per_account: int | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlowChanged:
    """A flow's status or the health of its endpoint changed; `value`: in Meta's words."""

    event: str
    flow_id: str | None = None
    message: str | None = None
    value: Json = field(default_factory=dict)
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group was made, joined, left, renamed ...: kept, not acted on."""

    field: str
    type: str | None
    group_id: str | None
    value: Json
    time: datetime | None = None


AccountEvent = (
    TemplateStatusChanged
    | TemplateQualityChanged
    | TemplateCategoryChanged
    | TemplateComponentsChanged
    | AccountUpdated
    | AccountReviewed
    | AccountAlerted
    | NumberQualityChanged
    | NumberNameReviewed
    | SecurityChanged
    | CapabilitiesChanged
    | FlowChanged
    | GroupChanged
)
