"""Read webhook payloads: `items` takes a payload apart, `event` returns the meaning of an item."""

from collections.abc import Callable

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.reading import identifier, integer, moment, part, text
from gateway.whatsapp.refusals import cause_of
from gateway.whatsapp.text import NestingError, clean
from gateway.whatsapp.webhooks.accounts import AccountEvent, GroupChanged
from gateway.whatsapp.webhooks.content_readers import echoed, received
from gateway.whatsapp.webhooks.customers import customer, named
from gateway.whatsapp.webhooks.events import (
    CallChanged,
    ContactSynced,
    Customer,
    ErrorReported,
    HandoverChanged,
    HistoryReceived,
    MessageEchoed,
    MessageReceived,
    Source,
    StatusChanged,
    Unknown,
    UserIdChanged,
    UserPreferenceChanged,
)
from gateway.whatsapp.webhooks.handovers_and_history import handover, history
from gateway.whatsapp.webhooks.items import Item, items
from gateway.whatsapp.webhooks.status import recipient, status_changed
from gateway.whatsapp.webhooks.updates import update

__all__ = ["Event", "Item", "event", "items"]

Event = (
    MessageReceived
    | MessageEchoed
    | StatusChanged
    | CallChanged
    | ErrorReported
    | HandoverChanged
    | HistoryReceived
    | ContactSynced
    | UserPreferenceChanged
    | UserIdChanged
    | AccountEvent
    | Unknown
)

_SOURCES: dict[str, Source] = {"standby": "standby", "history": "history", "smb_message_echoes": "business_app"}


def event(item: Item) -> Event:
    """Return the event that an item means. Never raises: an item not understood is an `Unknown` with its raw form."""
    try:
        found = _event(item)
    except NestingError:
        return _unknown(item, "nested too deeply")
    return found or _unknown(item, "not a known type, or not in its known shape")


def _unknown(item: Item, reason: str) -> Unknown:
    return Unknown(item.key, item.field, item.type, item.value, reason)


def _event(item: Item) -> Event | None:
    value = item.value
    contact = part(value, "contact") or None
    for name, reader in _READERS.items():
        element = value.get(name)
        if isinstance(element, dict):
            return reader(item, element, contact)
    if isinstance(value.get("value"), dict):
        return _whole(item, value["value"])
    return None


def _whole(item: Item, value: Json) -> Event | None:
    if item.field == "messaging_handovers":
        return handover(value)
    return update(item.field, value, moment(item.value, "time"))


def _message(item: Item, message: Json, contact: Json | None) -> Event | None:
    source: Source = _SOURCES.get(item.field, "messages")
    return received(item.type, message, contact, source)


def _echo(item: Item, message: Json, contact: Json | None) -> Event | None:
    return echoed(item.type, message, contact, _SOURCES.get(item.field, "business_app"))


def _status(item: Item, status: Json, contact: Json | None) -> Event | None:
    if status.get("type") == "call":
        return _call_status(status, contact)
    return status_changed(status, contact, standby=item.field == "standby")


def _call_status(status: Json, contact: Json | None) -> CallChanged | None:
    call_id, word = identifier(status, "id"), text(status, "status")
    if call_id is None or word is None:
        return None
    who, callback = recipient(status, contact), text(status, "biz_opaque_callback_data")
    return CallChanged(call_id, "status", moment(status, "timestamp"), who, status=word, callback=callback)


def _call(_item: Item, call: Json, contact: Json | None) -> Event | None:
    call_id, name = identifier(call, "id"), text(call, "event")
    if call_id is None or name is None:
        return None
    direction = text(call, "direction")
    return CallChanged(
        id=call_id,
        event=name,
        timestamp=moment(call, "timestamp"),
        customer=customer(call, contact, "to" if direction == "BUSINESS_INITIATED" else "from"),
        direction=direction,
        status=text(call, "status"),
        duration=integer(call, "duration"),
        callback=text(call, "biz_opaque_callback_data"),
    )


def _error(item: Item, error: Json, _contact: Json | None) -> Event | None:
    about = item.value.get("about")
    return ErrorReported(cause_of(error), tuple(map(str, about)) if isinstance(about, list) else ())


def _preference(_item: Item, preference: Json, contact: Json | None) -> Event | None:
    category, word = text(preference, "category"), text(preference, "value")
    if category is None or word is None:
        return None
    who, when = _named(preference, contact), moment(preference, "timestamp")
    return UserPreferenceChanged(who, category, word, when, text(preference, "detail"))


def _user_id(_item: Item, change: Json, contact: Json | None) -> Event | None:
    ids = part(change, "user_id")
    previous, current = identifier(ids, "previous"), identifier(ids, "current")
    if previous is None and current is None:
        return None
    return UserIdChanged(_named({**change, "user_id": None}, contact), previous, current, moment(change, "timestamp"))


def _named(element: Json, contact: Json | None) -> Customer:
    """Return the customer of an element that has the plain names wa_id and user_id."""
    plain = {"from": element.get("wa_id"), "from_user_id": element.get("user_id")}
    return customer(plain, contact)


def _contact_sync(_item: Item, sync: Json, _contact: Json | None) -> Event | None:
    action, card = text(sync, "action"), part(sync, "contact")
    if action is None or not card:
        return None
    name = text(card, "full_name") or text(card, "first_name")
    who = named([identifier(card, "phone_number")], user_id=identifier(card, "user_id"), name=name)
    return ContactSynced(action, who, moment(part(sync, "metadata"), "timestamp"))


def _group(item: Item, group: Json, _contact: Json | None) -> Event | None:
    group_id, kind = identifier(group, "group_id"), text(group, "type")
    return GroupChanged(item.field, kind, group_id, clean(group), moment(group, "timestamp"))


def _history(item: Item, chunk: Json, _contact: Json | None) -> Event | None:
    return history(chunk, identifier(part(item.value, "metadata"), "display_phone_number"))


_READERS: dict[str, Callable[[Item, Json, Json | None], Event | None]] = {
    "message": _message,
    "echo": _echo,
    "status": _status,
    "error": _error,
    "call": _call,
    "preference": _preference,
    "user_id_update": _user_id,
    "contact_sync": _contact_sync,
    "group": _group,
    "history": _history,
}
