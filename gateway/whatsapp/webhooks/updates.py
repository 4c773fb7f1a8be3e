"""Read raw account-level updates: templates, numbers, accounts.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/<field>.
"""

from collections.abc import Callable
from datetime import datetime

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.reading import identifier, integer, moment, part, parts, text
from gateway.whatsapp.text import clean
from gateway.whatsapp.webhooks.accounts import (
    AccountAlerted,
    AccountEvent,
    AccountReviewed,
    AccountUpdated,
    CapabilitiesChanged,
    FlowChanged,
    NumberNameReviewed,
    NumberQualityChanged,
    Restriction,
    SecurityChanged,
    TemplateCategoryChanged,
    TemplateComponentsChanged,
    TemplateQualityChanged,
    TemplateRef,
    TemplateStatusChanged,
)

Time = datetime | None


def update(field: str, value: Json, time: Time) -> AccountEvent | None:
    """Read the value of an account-level field; None where the field or its shape is not known."""
    reader = _READERS.get(field)
    return reader(value, time) if reader else None


def _template(value: Json) -> TemplateRef | None:
    found = TemplateRef(
        identifier(value, "message_template_id"),
        text(value, "message_template_name"),
        text(value, "message_template_language"),
    )
    return found if found.id or found.name else None


def _template_status(value: Json, time: Time) -> AccountEvent | None:
    template, event = _template(value), text(value, "event")
    if template is None or event is None:
        # Seen in real payloads: a change of quality under this field.
        return _template_quality(value, time)
    disabling, other = part(value, "disable_info"), part(value, "other_info")
    return TemplateStatusChanged(
        template=template,
        event=event,
        reason=text(value, "reason"),
        category=text(value, "message_template_category"),
        disable_date=identifier(disabling, "disable_date"),
        note=text(other, "description") or text(other, "title"),
        time=time,
    )


def _template_quality(value: Json, time: Time) -> AccountEvent | None:
    template, current = _template(value), text(value, "new_quality_score")
    if template is None or current is None:
        return None
    return TemplateQualityChanged(template, text(value, "previous_quality_score"), current, time)


def _template_category(value: Json, time: Time) -> AccountEvent | None:
    template = _template(value)
    current, correct = text(value, "new_category"), text(value, "correct_category")
    if template is None or not (current or correct):
        return None
    return TemplateCategoryChanged(template, text(value, "previous_category"), current, correct, time)


def _template_components(value: Json, time: Time) -> AccountEvent | None:
    template = _template(value)
    return TemplateComponentsChanged(template, clean(value), time) if template else None


def _account(value: Json, time: Time) -> AccountEvent | None:
    event = text(value, "event")
    if event is None:
        return None
    ban = part(value, "ban_info")
    return AccountUpdated(
        event=event,
        phone_number=identifier(value, "phone_number"),
        ban_state=text(ban, "waba_ban_state"),
        ban_date=identifier(ban, "waba_ban_date"),
        violation=text(part(value, "violation_info"), "violation_type"),
        restrictions=tuple(
            Restriction(kind, moment(one, "expiration"))
            for one in parts(value, "restriction_info")
            if (kind := text(one, "restriction_type"))
        ),
        value=clean(value),
        time=time,
    )


def _account_review(value: Json, time: Time) -> AccountEvent | None:
    decision = text(value, "decision")
    return AccountReviewed(decision, time) if decision else None


def _account_alert(value: Json, time: Time) -> AccountEvent | None:
    # Older versions have the details at the top.
    alert = part(value, "alert_info") or value
    kind = text(alert, "alert_type")
    if kind is None:
        return None
    return AccountAlerted(
        type=kind,
        severity=text(alert, "alert_severity"),
        status=text(alert, "alert_status"),
        description=text(alert, "alert_description"),
        entity_type=text(value, "entity_type"),
        entity_id=identifier(value, "entity_id"),
        time=time,
    )


def _number_quality(value: Json, time: Time) -> AccountEvent | None:
    event = text(value, "event")
    if event is None:
        return None
    return NumberQualityChanged(
        display_phone_number=identifier(value, "display_phone_number"),
        event=event,
        current_limit=identifier(value, "current_limit"),
        old_limit=identifier(value, "old_limit"),
        daily_conversations=identifier(value, "max_daily_conversations_per_business"),
        time=time,
    )


def _number_name(value: Json, time: Time) -> AccountEvent | None:
    decision = text(value, "decision")
    if decision is None:
        return None
    return NumberNameReviewed(
        display_phone_number=identifier(value, "display_phone_number"),
        decision=decision,
        requested_name=text(value, "requested_verified_name"),
        reason=text(value, "rejection_reason"),
        time=time,
    )


def _security(value: Json, time: Time) -> AccountEvent | None:
    event = text(value, "event")
    number, requester = identifier(value, "display_phone_number"), identifier(value, "requester")
    return SecurityChanged(number, event, requester, time) if event else None


def _capabilities(value: Json, time: Time) -> AccountEvent | None:
    daily = identifier(value, "max_daily_conversations_per_business")
    daily = daily or identifier(value, "max_daily_conversation_per_phone")  # gone since February 2026
    business = integer(value, "max_phone_numbers_per_business")
    account = integer(value, "max_phone_numbers_per_waba")
    if daily is None and business is None and account is None:
        return None
    return CapabilitiesChanged(daily, business, account, time)


def _flow(value: Json, time: Time) -> AccountEvent | None:
    event = text(value, "event")
    if event is None:
        return None
    return FlowChanged(event, identifier(value, "flow_id"), text(value, "message"), clean(value), time)


# To understand another field: its class in `accounts`, its reader here, its cases in tests/payloads.
_READERS: dict[str, Callable[[Json, Time], AccountEvent | None]] = {
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_quality,
    "message_template_components_update": _template_components,
    "template_category_update": _template_category,
    "account_update": _account,
    "account_review_update": _account_review,
    "account_alerts": _account_alert,
    "phone_number_quality_update": _number_quality,
    "phone_number_name_update": _number_name,
    "security": _security,
    "business_capability_update": _capabilities,
    "flows": _flow,
}
