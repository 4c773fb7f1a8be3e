"""One message to the payload that the Cloud API takes, within its limits. Longer messages are split by `compose`.

Source: developers.facebook.com/docs/whatsapp/cloud-api/reference/messages.
"""

import re
from collections.abc import Mapping
from typing import Any

from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.messages import caps
from gateway.whatsapp.messages.check import address, at_most, filled, fits, within
from gateway.whatsapp.messages.interactive import interactive
from gateway.whatsapp.messages.messages import Contacts, Location, Media, Message, Reaction, Template, Text, message
from gateway.whatsapp.text import clean, parameter

_LINK = re.compile(r"https?://", re.IGNORECASE)
_PHONE = re.compile(r"\+?[1-9][0-9]{4,19}")


def render(
    content: Message | Mapping[str, Any],
    *,
    to: str | None = None,
    recipient: str | None = None,
    context: str | None = None,
    callback: str | None = None,
) -> Json:
    """Return the payload of a message, or of a reply of the run contract, for `POST /{phone_number_id}/messages`.

    to: the customer's number with country code, with or without `+`; recipient: the customer's business-scoped id
    (BSUID). Exactly one of them. context: the wamid that is answered (default: the message's reply_to). callback: our
    id, echoed by every status of the message.

    Raises:
        InvalidMessage: A limit is broken; the error names field, limit and length.
    """
    part = message(content) if isinstance(content, Mapping) else content
    kind, body = _body(part)
    payload: Json = {**_envelope(to, recipient, callback), "type": kind, kind: body}
    answered = context or part.reply_to
    if answered and not isinstance(part, Reaction):
        payload["context"] = {"message_id": answered}
    cleaned: Json = clean(payload)
    return cleaned


def _envelope(to: str | None, recipient: str | None, callback: str | None) -> Json:
    if (to is None) == (recipient is None):
        raise InvalidMessage("to", "give either a number (to) or a business-scoped user id (recipient).")
    envelope: Json = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if to is not None:
        if not _PHONE.fullmatch(to):
            raise InvalidMessage("to", "a number is digits with its country code.")
        # Without + the API puts the business's own country code in front.
        envelope["to"] = to if to.startswith("+") else f"+{to}"
    else:
        envelope["recipient"] = filled("recipient", recipient)
    if callback is not None:
        envelope["biz_opaque_callback_data"] = fits("biz_opaque_callback_data", callback, caps.CALLBACK_DATA)
    return envelope


def _body(part: Message) -> tuple[str, Json | list[Json]]:
    """Return the payload's type and what stands under that name."""
    match part:
        case Text():
            return "text", _text(part)
        case Media():
            return part.kind, _media(part)
        case Location():
            return "location", _location(part)
        case Contacts():
            return "contacts", _contacts(part)
        case Reaction():
            return "reaction", {"message_id": filled("reaction.message_id", part.message_id), "emoji": part.emoji}
        case Template():
            return "template", _template(part)
        case _:
            return "interactive", interactive(part)


def _text(part: Text) -> Json:
    body = filled("text.body", part.text, caps.TEXT_BODY)
    preview = bool(_LINK.search(body)) if part.preview is None else part.preview
    return {"body": body, "preview_url": preview}


def _media(part: Media) -> Json:
    if bool(part.link) == bool(part.media_id):
        raise InvalidMessage(part.kind, "give either a link or a media id.")
    body: Json = {"id": part.media_id} if part.media_id else {"link": address(f"{part.kind}.link", part.link or "")}
    if part.caption and part.caption.strip():
        if part.kind in caps.WITHOUT_CAPTION:
            raise InvalidMessage(f"{part.kind}.caption", "is not possible for this kind of media.")
        body["caption"] = fits(f"{part.kind}.caption", part.caption, caps.CAPTION)
    if part.filename and part.kind == "document":
        body["filename"] = part.filename
    return body


def _location(part: Location) -> Json:
    body: Json = {
        "latitude": within("location.latitude", part.latitude, caps.LATITUDE),
        "longitude": within("location.longitude", part.longitude, caps.LONGITUDE),
    }
    return body | {name: value for name in ("name", "address") if (value := getattr(part, name))}


def _contacts(part: Contacts) -> list[Json]:
    at_most("contacts", part.contacts, caps.CONTACTS)
    for number, contact in enumerate(part.contacts):
        name = contact.get("name")
        formatted = name.get("formatted_name") if isinstance(name, dict) else None
        filled(f"contacts.{number}.name.formatted_name", formatted if isinstance(formatted, str) else "")
    return part.contacts


def _template(part: Template) -> Json:
    name = filled("template.name", part.name, caps.TEMPLATE_NAME)
    buttons = [component for component in part.components if component.get("type") == "button"]
    at_most("template.components.button", buttons, caps.TEMPLATE_BUTTONS, least=0)
    body: Json = {"name": name, "language": {"code": filled("template.language", part.language)}}
    components = [_component(f"template.{one.get('type')}", one) for one in part.components]
    return body | ({"components": components} if components else {})


def _component(where: str, component: Json) -> Json:
    """Return a component without the white space that Meta refuses in texts, also one not built by `templates`."""
    given = component.get("parameters")
    if not isinstance(given, list):
        return component
    return {**component, "parameters": [_parameter(f"{where}.{n}", one) for n, one in enumerate(given, start=1)]}


def _parameter(where: str, given: object) -> object:
    if not isinstance(given, dict) or given.get("type") != "text":
        return given
    if not isinstance(given.get("text"), str):
        raise InvalidMessage(where, "is a text without its text.")
    return {**given, "text": filled(where, parameter(given["text"]))}
