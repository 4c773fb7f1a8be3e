"""Webhook payloads understood: `items` takes a payload apart, `event` says what an item means."""

from collections.abc import Callable

from gateway.whatsapp.accounts import AccountEvent, GroupChanged
from gateway.whatsapp.errors import cause_of
from gateway.whatsapp.events import (
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
from gateway.whatsapp.inbound import content, context, customer, errors, referral
from gateway.whatsapp.items import Item, items
from gateway.whatsapp.reading import Json, identifier, integer, moment, part, parts, text
from gateway.whatsapp.status import status_changed
from gateway.whatsapp.text import clean
from gateway.whatsapp.updates import update

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
    """Say what an item means. Never raises: what is not understood is an `Unknown` with the raw form."""
    try:
        found = _event(item)
    except RecursionError:
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
        return _handover(value)
    return update(item.field, value, moment(item.value, "time"))


def _message(item: Item, message: Json, contact: Json | None) -> Event | None:
    source: Source = _SOURCES.get(item.field, "messages")
    return _received(item.type, message, contact, source)


def _received(kind: str, message: Json, contact: Json | None, source: Source) -> MessageReceived | None:
    wamid, said = identifier(message, "id"), content(kind, message)
    if wamid is None or said is None:
        return None
    return MessageReceived(
        wamid=wamid,
        timestamp=moment(message, "timestamp"),
        customer=customer(message, contact),
        content=said,
        context=context(message),
        referral=referral(message),
        group_id=identifier(message, "group_id"),
        errors=errors(message),
        source=source,
    )


def _echo(item: Item, message: Json, contact: Json | None) -> Event | None:
    return _echoed(item.type, message, contact, _SOURCES.get(item.field, "business_app"))


def _echoed(kind: str, message: Json, contact: Json | None, source: Source) -> MessageEchoed | None:
    wamid, said = identifier(message, "id"), content(kind, message)
    if wamid is None or said is None:
        return None
    return MessageEchoed(
        wamid=wamid,
        timestamp=moment(message, "timestamp"),
        customer=customer(message, contact, "to"),
        content=said,
        context=context(message),
        source=source,
        status=text(part(message, "history_context"), "status"),
    )


def _status(item: Item, status: Json, contact: Json | None) -> Event | None:
    if status.get("type") == "call":
        return _call_status(status, contact)
    return status_changed(status, contact, standby=item.field == "standby")


def _call_status(status: Json, contact: Json | None) -> CallChanged | None:
    call_id, word = identifier(status, "id"), text(status, "status")
    if call_id is None or word is None:
        return None
    who, callback = customer(status, contact, "recipient"), text(status, "biz_opaque_callback_data")
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
    """Put a customer together from an element that names it plainly (wa_id, user_id)."""
    plain = {"from": element.get("wa_id"), "from_user_id": element.get("user_id")}
    return customer(plain, contact)


def _contact_sync(_item: Item, sync: Json, _contact: Json | None) -> Event | None:
    action, card = text(sync, "action"), part(sync, "contact")
    if action is None or not card:
        return None
    name = text(card, "full_name") or text(card, "first_name")
    who = Customer(wa_id=identifier(card, "phone_number"), user_id=identifier(card, "user_id"), name=name)
    return ContactSynced(action, who, moment(part(sync, "metadata"), "timestamp"))


def _group(item: Item, group: Json, _contact: Json | None) -> Event | None:
    group_id, kind = identifier(group, "group_id"), text(group, "type")
    return GroupChanged(item.field, kind, group_id, clean(group), moment(group, "timestamp"))


def _history(item: Item, chunk: Json, _contact: Json | None) -> Event | None:
    metadata = part(chunk, "metadata")
    number = identifier(part(item.value, "metadata"), "display_phone_number")
    read = HistoryReceived(
        messages=[],
        phase=integer(metadata, "phase"),
        chunk_order=integer(metadata, "chunk_order"),
        progress=integer(metadata, "progress"),
        errors=errors(chunk),
    )
    for thread in parts(chunk, "threads"):
        for message in parts(thread, "messages"):
            found = _said_before(message, thread, number)
            if found is None:
                read.unread.append({"thread": thread.get("id"), "message": message})
            else:
                read.messages.append(found)
    return read if metadata or read.messages or read.unread or read.errors else None


def _said_before(message: Json, thread: Json, number: str | None) -> MessageReceived | MessageEchoed | None:
    """Read a message of a history thread; the thread's id is the customer's number."""
    about = part(thread, "context")
    contact = {"wa_id": about.get("wa_id") or thread.get("id"), "user_id": about.get("user_id"), "profile": about}
    kind = text(message, "type") or "unknown"
    sender = identifier(message, "from")
    if sender is not None and number is not None and _digits(sender) == _digits(number):
        return _echoed(kind, message, contact, "history")
    return _received(kind, message, contact, "history")


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


def _handover(value: Json) -> Event | None:
    kind = text(value, "type") or next((name for name in _CONTROLS if isinstance(value.get(name), dict)), None)
    sender = part(value, "sender")
    if kind is None or not sender:
        return None
    details = part(value, kind)
    previous, new = _owner(details, "previous"), _owner(details, "new")
    return HandoverChanged(
        type=kind,
        timestamp=moment(value, "timestamp"),
        customer=Customer(
            wa_id=identifier(sender, "phone_number") or identifier(sender, "wa_id") or identifier(sender, "id"),
            user_id=identifier(sender, "user_id"),
        ),
        ours=_ours(kind, previous, new),
        previous_owner=previous,
        new_owner=new,
        metadata=text(details, "metadata"),
    )


# The words for a change of control, and whether it is ours then: they are told to the app that got or lost it.
_CONTROLS = {
    "control_passed": True,
    "pass_thread_control": True,
    "control_taken": False,
    "take_thread_control": False,
}
_META_AGENT = frozenset({"ai_agent", "meta_business_agent"})


def _owner(details: Json, which: str) -> str | None:
    names = (f"{which}_owner_role", f"{which}_owner_app_role", f"{which}_owner_app_id")
    return next((found for name in names if (found := identifier(details, name))), None)


def _ours(kind: str, previous: str | None, new: str | None) -> bool | None:
    """Guess who has control: what Meta's agent gets is not ours, what it loses is; else passed to us, taken from us."""
    if new in _META_AGENT:
        return False
    if previous in _META_AGENT:
        return True
    return _CONTROLS.get(kind)


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
