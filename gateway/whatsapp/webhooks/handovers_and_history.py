"""Read the phone app's history, and changes of control over a conversation.

Sources: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/history; the shape of
handovers on WhatsApp is not in Meta's reference, it is what public implementations report.
"""

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.reading import identifier, integer, moment, part, parts, text
from gateway.whatsapp.webhooks.content_readers import echoed, errors, received
from gateway.whatsapp.webhooks.customers import named
from gateway.whatsapp.webhooks.events import HandoverChanged, HistoryReceived, MessageEchoed, MessageReceived


def history(chunk: Json, number: str | None) -> HistoryReceived | None:
    """Read a chunk of the phone app's history; number: the business's own, the sender of its messages."""
    metadata = part(chunk, "metadata")
    read = HistoryReceived(
        messages=[],
        phase=integer(metadata, "phase"),
        chunk_order=integer(metadata, "chunk_order"),
        progress=integer(metadata, "progress"),
        errors=errors(chunk),
    )
    for thread in parts(chunk, "threads"):
        for message in parts(thread, "messages"):
            found = _earlier_message(message, thread, number)
            if found is None:
                read.unread.append({"thread": thread.get("id"), "message": message})
            else:
                read.messages.append(found)
    return read if metadata or read.messages or read.unread or read.errors else None


def _earlier_message(message: Json, thread: Json, number: str | None) -> MessageReceived | MessageEchoed | None:
    """Read a message of a history thread; the thread's id is the customer's number."""
    about = part(thread, "context")
    contact = {"wa_id": about.get("wa_id") or thread.get("id"), "user_id": about.get("user_id"), "profile": about}
    kind = text(message, "type") or "unknown"
    sender = identifier(message, "from")
    if sender is not None and number is not None and _digits(sender) == _digits(number):
        return echoed(kind, message, contact, "history")
    return received(kind, message, contact, "history")


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


def handover(value: Json) -> HandoverChanged | None:
    """Read the value of messaging_handovers, in WhatsApp's or in Messenger's words."""
    kind = text(value, "type") or next((name for name in _CONTROLS if isinstance(value.get(name), dict)), None)
    sender = part(value, "sender")
    if kind is None or not sender:
        return None
    details = part(value, kind)
    previous, new = _owner(details, "previous"), _owner(details, "new")
    return HandoverChanged(
        type=kind,
        timestamp=moment(value, "timestamp"),
        customer=named(
            [identifier(sender, name) for name in ("phone_number", "wa_id", "id")],
            user_id=identifier(sender, "user_id"),
        ),
        ours=_ours(kind, previous, new),
        previous_owner=previous,
        new_owner=new,
        metadata=text(details, "metadata"),
    )


# The kinds of a change of control, and whether it is ours then: the app that got or lost it receives them.
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
    """Return whether control is ours: no when Meta's agent gets it, yes when it loses it; else by the kind."""
    if new in _META_AGENT:
        return False
    if previous in _META_AGENT:
        return True
    return _CONTROLS.get(kind)
