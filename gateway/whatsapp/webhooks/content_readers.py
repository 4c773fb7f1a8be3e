"""Read raw messages: content, context, referral.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages.
"""

import re
from collections.abc import Callable

from gateway.whatsapp.errors import Cause
from gateway.whatsapp.json_bytes import Json, decode
from gateway.whatsapp.reading import flag, identifier, moment, number, part, parts, text
from gateway.whatsapp.refusals import cause_of
from gateway.whatsapp.text import clean, clean_text
from gateway.whatsapp.webhooks.contents import (
    ButtonContent,
    ContactsContent,
    Content,
    EditContent,
    InteractiveContent,
    LocationContent,
    MediaContent,
    OrderContent,
    OrderItem,
    ReactionContent,
    RevokeContent,
    SystemContent,
    TextContent,
    UnsupportedContent,
)
from gateway.whatsapp.webhooks.customers import customer, named
from gateway.whatsapp.webhooks.events import (
    Context,
    MessageEchoed,
    MessageReceived,
    Product,
    Referral,
    Source,
)

# Messages inside an edit are messages, and so on: a malicious depth ends here.
_DEEPEST_EDIT = 3
# The mark of the answer to `request_contact_info` (sources differ: on the message or on the card).
# Source: developers.facebook.com, "Business-scoped user IDs" (2026), and its implementers.
_REQUESTED = "contact_request"
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")  # E.164
_DECORATION = re.compile(r"[\s().+-]")


def errors(element: Json) -> tuple[Cause, ...]:
    """Read the errors of a message or a status."""
    return tuple(cause_of(error) for error in parts(element, "errors"))


def context(message: Json) -> Context | None:
    """Read the message that one answers and whether it was forwarded; None where there is neither."""
    stated = part(message, "context")
    product = part(stated, "referred_product")
    if not stated:
        return None
    return Context(
        message_id=identifier(stated, "id"),
        sender=identifier(stated, "from"),
        forwarded=flag(stated, "forwarded") or flag(stated, "frequently_forwarded"),
        often=flag(stated, "frequently_forwarded"),
        product=Product(identifier(product, "catalog_id"), identifier(product, "product_retailer_id"))
        if product
        else None,
    )


def referral(message: Json) -> Referral | None:
    """Read the advertisement that a message came from."""
    stated = part(message, "referral")
    if not stated:
        return None
    return Referral(
        source_type=text(stated, "source_type"),
        source_id=identifier(stated, "source_id"),
        source_url=text(stated, "source_url"),
        headline=text(stated, "headline"),
        body=text(stated, "body"),
        media_type=text(stated, "media_type"),
        media_url=text(stated, "image_url") or text(stated, "video_url"),
        ctwa_clid=text(stated, "ctwa_clid"),
    )


def received(kind: str, message: Json, contact: Json | None, source: Source) -> MessageReceived | None:
    """Read a customer's message; None where type or shape is not known."""
    wamid, found = identifier(message, "id"), content(kind, message)
    if wamid is None or found is None:
        return None
    return MessageReceived(
        wamid=wamid,
        timestamp=moment(message, "timestamp"),
        customer=customer(message, contact),
        content=found,
        context=context(message),
        referral=referral(message),
        group_id=identifier(message, "group_id"),
        errors=errors(message),
        source=source,
    )


def echoed(kind: str, message: Json, contact: Json | None, source: Source) -> MessageEchoed | None:
    """Read a message of the business that we did not send; None where type or shape is not known."""
    wamid, found = identifier(message, "id"), content(kind, message)
    if wamid is None or found is None:
        return None
    return MessageEchoed(
        wamid=wamid,
        timestamp=moment(message, "timestamp"),
        customer=customer(message, contact, "to"),
        content=found,
        context=context(message),
        source=source,
        status=text(part(message, "history_context"), "status"),
    )


def content(kind: str, message: Json, depth: int = 0) -> Content | None:
    """Read the content of a message; None where its type or its shape is not known."""
    if kind == "edit":
        return _edit(message, depth)
    reader = _READERS.get(kind)
    found = reader(kind, message) if reader else None
    if found is None and errors(message):
        # Media that WhatsApp could not pass on comes with its type, an error and nothing else.
        return UnsupportedContent(type=kind)
    return found


def _text(kind: str, message: Json) -> Content | None:
    body = part(message, kind).get("body")
    return TextContent(clean(body)) if isinstance(body, str) else None


def _media(kind: str, message: Json) -> Content | None:
    media = part(message, kind)
    media_id = identifier(media, "id")
    if media_id is None:
        return None
    return MediaContent(
        kind=kind,  # type: ignore[arg-type] # _READERS calls this for the five kinds only
        id=media_id,
        mime_type=text(media, "mime_type"),
        sha256=text(media, "sha256"),
        text=text(media, "caption"),
        filename=text(media, "filename"),
        voice=flag(media, "voice"),
        animated=flag(media, "animated"),
        url=text(media, "url"),
    )


def _location(kind: str, message: Json) -> Content | None:
    place = part(message, kind)
    latitude, longitude = number(place, "latitude"), number(place, "longitude")
    if latitude is None or longitude is None:
        return None
    return LocationContent(latitude, longitude, text(place, "name"), text(place, "address"), text(place, "url"))


def _contacts(kind: str, message: Json) -> Content | None:
    cards = clean(parts(message, kind))
    if not cards:
        return None
    requested = [card for card in cards if _REQUESTED in (message.get("origin"), card.get("origin"))]
    if not requested:
        return ContactsContent(cards)
    # Whether the message or the card says so, the graph finds it on the card.
    told = [{**card, "origin": _REQUESTED} if card in requested else card for card in cards]
    return ContactsContent(told, _own_number(requested, identifier(message, "from_user_id")))


def _own_number(cards: list[Json], user_id: str | None) -> str | None:
    """Read the number in the one card that answers our request; None where it is another's or not clear."""
    if len(cards) != 1 or identifier(cards[0], "user_id") not in (None, user_id):
        return None
    numbers = [identifier(phone, "wa_id") or identifier(phone, "phone") or "" for phone in parts(cards[0], "phones")]
    found = {digits for one in numbers if _DIGITS.fullmatch(digits := _DECORATION.sub("", one))}
    return found.pop() if len(found) == 1 else None


def _reaction(kind: str, message: Json) -> Content | None:
    reaction = part(message, kind)
    message_id = identifier(reaction, "message_id")
    return ReactionContent(message_id, text(reaction, "emoji")) if message_id else None


def _button(kind: str, message: Json) -> Content | None:
    button = part(message, kind)
    return ButtonContent(text(button, "text"), text(button, "payload")) if button else None


def _interactive(kind: str, message: Json) -> Content | None:
    interactive = part(message, kind)
    match interactive.get("type"):
        case ("button_reply" | "list_reply") as name:
            reply = part(interactive, name)
            description = text(reply, "description")
            return InteractiveContent(name, text(reply, "id"), text(reply, "title"), description) if reply else None
        case "nfm_reply":
            reply = part(interactive, "nfm_reply")
            name, body = text(reply, "name"), text(reply, "body")
            return InteractiveContent("nfm_reply", name, body, data=_flow_data(reply)) if reply else None
        case "call_permission_reply":
            reply = part(interactive, "call_permission_reply")
            return InteractiveContent("call_permission_reply", text(reply, "response"), data=clean(reply) or None)
        case _:
            return None


def _flow_data(reply: Json) -> Json | None:
    """Return the data of a flow, JSON inside a string; None where it is no object."""
    stated = reply.get("response_json")
    try:
        data = decode(clean_text(stated).encode()) if isinstance(stated, str) else stated
    except ValueError:
        return None
    return clean(data) if isinstance(data, dict) else None


def _order(kind: str, message: Json) -> Content | None:
    order = part(message, kind)
    items = [
        OrderItem(
            identifier(item, "product_retailer_id"),
            number(item, "quantity"),
            number(item, "item_price"),
            text(item, "currency"),
        )
        for item in parts(order, "product_items")
    ]
    return OrderContent(identifier(order, "catalog_id"), items, text(order, "text")) if order else None


def _system(kind: str, message: Json) -> Content | None:
    system = part(message, kind)
    event = text(system, "type")
    if event is None:
        return None
    # new_wa_id: the name of the field in older versions.
    new = named(
        [identifier(system, "wa_id"), identifier(system, "new_wa_id")],
        user_id=identifier(system, "user_id"),
        parent=identifier(system, "parent_user_id"),
    )
    return SystemContent(
        event,
        text(system, "body"),
        new.wa_id,
        new.user_id,
        parent_user_id=new.parent_user_id,
        previous_user_id=identifier(system, "previous_user_id"),
        previous_parent_user_id=identifier(system, "previous_parent_user_id"),
    )


def _edit(message: Json, depth: int) -> Content | None:
    edit = part(message, "edit")
    message_id, edited = identifier(edit, "original_message_id"), part(edit, "message")
    kind = text(edited, "type")
    inner = content(kind, edited, depth + 1) if kind and depth < _DEEPEST_EDIT else None
    return EditContent(message_id, inner) if message_id else None


def _revoke(kind: str, message: Json) -> Content | None:
    message_id = identifier(part(message, kind), "original_message_id")
    return RevokeContent(message_id) if message_id else None


def _unsupported(kind: str, message: Json) -> Content | None:
    return UnsupportedContent(text(part(message, kind), "type"))


# Another inbound type needs its class in `contents`, its reader here, its case in tests/payloads, and a decision in
# `gateway.inbox.run_items.ANSWERED` whether the agent answers it. CONTRIBUTING.md lists all steps.
_READERS: dict[str, Callable[[str, Json], Content | None]] = {
    "text": _text,
    "image": _media,
    "audio": _media,
    "video": _media,
    "document": _media,
    "sticker": _media,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "system": _system,
    "revoke": _revoke,
    "unsupported": _unsupported,
}
