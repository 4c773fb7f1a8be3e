"""Statuses of messages that went out, and the order in which they count."""

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.reading import choice, identifier, moment, part, text
from gateway.whatsapp.webhooks.content_readers import errors
from gateway.whatsapp.webhooks.customers import customer, named
from gateway.whatsapp.webhooks.events import Customer, Pricing, StatusChanged

# A status only ever moves a message to the right, so any order of arrival ends in the same state. `failed` stands
# before `delivered`: a phone that has the message is proof against a failure that was reported meanwhile (to one of
# several devices, or by a retry), and nothing is resent that the customer can already read.
# Before the first status come the states of the sender, up to Meta's 200.
STATUS_ORDER = ("queued", "sending", "uncertain", "accepted", "sent", "failed", "delivered", "read", "played")
_RANK = {status: rank for rank, status in enumerate(STATUS_ORDER)}


def advance(old: str, new: str) -> str:
    """Return the status of a message after another one arrived: whichever is further in STATUS_ORDER.

    A new word that is not known (`deleted`, `warning`, tomorrow's) changes nothing.
    """
    return new if _RANK.get(new, -1) > _RANK.get(old, -1) else old


def status_changed(status: Json, contact: Json | None, *, standby: bool = False) -> StatusChanged | None:
    """Read a raw status; None without id or status."""
    wamid, word = identifier(status, "id"), text(status, "status")
    if wamid is None or word is None:
        return None
    conversation = part(status, "conversation")
    group = status.get("recipient_type") == "group"
    return StatusChanged(
        wamid=wamid,
        status=word,
        timestamp=moment(status, "timestamp"),
        customer=recipient(status, contact, group=group),
        callback=text(status, "biz_opaque_callback_data"),
        pricing=_pricing(part(status, "pricing")),
        conversation_id=identifier(conversation, "id"),
        conversation_category=text(part(conversation, "origin"), "type"),
        conversation_expiry=moment(conversation, "expiration_timestamp"),
        errors=errors(status),
        group_id=identifier(status, "recipient_id") if group else None,
        participant=_participant(status) if group else None,
        standby=standby,
    )


def recipient(status: Json, contact: Json | None, *, group: bool = False) -> Customer:
    """Return the customer that a status is about; for a group an empty one."""
    if group:  # recipient_id is the group
        return customer({}, contact)
    known = customer({}, contact)
    return named(
        # recipient_id is the number the message went to; the contact's wa_id may be its form without the ninth digit.
        [known.wa_id, identifier(status, "recipient_id")],
        user_id=known.user_id or identifier(status, "recipient_user_id"),
        parent=known.parent_user_id or identifier(status, "recipient_parent_user_id"),
        username=known.username,
        name=known.name,
    )


def _participant(status: Json) -> Customer:
    return named(
        [identifier(status, "recipient_participant_id")],
        user_id=identifier(status, "recipient_participant_user_id"),
        parent=identifier(status, "recipient_participant_parent_user_id"),
    )


def _pricing(pricing: Json) -> Pricing | None:
    if not pricing:
        return None
    return Pricing(
        billable=choice(pricing, "billable"),
        model=text(pricing, "pricing_model"),
        type=text(pricing, "type"),
        category=text(pricing, "category"),
    )
