"""Templates to send, built from their parameters.

Source: developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.messages.check import address, at_most, filled
from gateway.whatsapp.messages.messages import Template
from gateway.whatsapp.text import parameter

_NAME = re.compile(r"[a-z0-9_]+")

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Parameters = Sequence[str] | Mapping[str, str]


def template(
    name: str,
    language: str,
    body: Parameters = (),
    *,
    header: Json | None = None,
    buttons: Sequence[Json] = (),
) -> Template:
    """Return a template message.

    body: the values of its variables, in order ({{1}}, {{2}}) or by name ({{order_id}}); white space that Meta refuses
    inside them becomes one space. header: from `header_text`, `header_media` or `header_location`; buttons: from the
    button functions, each with its position in the template.

    Raises:
        InvalidMessage: A value is empty, or a name is not one that Meta allows.
    """
    components = [header] if header else []
    if body:
        components.append({"type": "body", "parameters": _parameters("template.body", body)})
    return Template(name=name, language=language, components=[*components, *buttons])


def shown(sent: Template, definition: Sequence[Json]) -> str:
    """Return a template as the customer reads it: header, body, footer, and the words of its buttons.

    definition: its components as Meta has them. A header that is media is named by its kind.
    """
    given = {str(one.get("type", "")).lower(): one.get("parameters") for one in sent.components}
    lines = [_line(component, given.get(str(component.get("type", "")).lower())) for component in definition]
    return "\n".join(line for line in lines if line)


def _line(component: Json, given: object) -> str:
    """Return one component in words."""
    kind, text = component.get("type"), component.get("text")
    if kind == "BUTTONS":
        buttons = component.get("buttons")
        titles = [one.get("text") for one in buttons if isinstance(one, dict)] if isinstance(buttons, list) else []
        named = " | ".join(title for title in titles if isinstance(title, str))
        return f"({named})" if named else ""
    if not isinstance(text, str):
        return f"({str(component['format']).lower()})" if kind == "HEADER" and "format" in component else ""
    values = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    by_name = {str(one.get("parameter_name") or place): _shown_value(one) for place, one in enumerate(values, start=1)}
    return _VARIABLE.sub(lambda found: by_name.get(found[1], found[0]), text)


def _shown_value(parameter: Json) -> str:
    """Return the words of a parameter; of an amount or a date those that Meta falls back to."""
    inner = parameter.get(str(parameter.get("type")))
    value = inner.get("fallback_value") if isinstance(inner, dict) else inner
    return value if isinstance(value, str) else ""


def header_text(values: Parameters) -> Json:
    """Fill the variable of a text header."""
    return {"type": "header", "parameters": _parameters("template.header", values)}


def header_media(
    kind: Literal["image", "video", "document"],
    *,
    link: str | None = None,
    media_id: str | None = None,
    filename: str | None = None,
) -> Json:
    """Return the media of a media header: by public link or by the id of an upload."""
    where = f"template.header.{kind}"
    if bool(link) == bool(media_id):
        raise InvalidMessage(where, "give either a link or a media id.")
    media: Json = {"id": media_id} if media_id else {"link": address(f"{where}.link", link or "")}
    if filename and kind == "document":
        media["filename"] = filename
    return {"type": "header", "parameters": [{"type": kind, kind: media}]}


def header_location(latitude: float, longitude: float, name: str, address: str) -> Json:
    """Return the place of a location header."""
    place = {"latitude": str(latitude), "longitude": str(longitude), "name": name, "address": address}
    return {"type": "header", "parameters": [{"type": "location", "location": place}]}


def quick_reply(index: int, payload: str) -> Json:
    """Return a quick-reply button with the payload that comes back when it is pressed."""
    return _button(index, "quick_reply", {"type": "payload", "payload": filled("template.button.payload", payload)})


def url_button(index: int, suffix: str) -> Json:
    """Fill the variable end of a button's address."""
    return _button(index, "url", {"type": "text", "text": filled("template.button.text", suffix)})


def copy_code(index: int, code: str) -> Json:
    """Fill a button that copies a coupon code."""
    return _button(index, "copy_code", {"type": "coupon_code", "coupon_code": filled("template.button.code", code)})


def flow_button(index: int, token: str, data: Json | None = None) -> Json:
    """Return a flow button with its token and the first screen's data."""
    action: Json = {"flow_token": token} | ({"flow_action_data": data} if data else {})
    return _button(index, "flow", {"type": "action", "action": action})


def _button(index: int, kind: str, parameter: Json) -> Json:
    at_most("template.button.index", range(index), 9, least=0)
    return {"type": "button", "sub_type": kind, "index": str(index), "parameters": [parameter]}


def _parameters(where: str, values: Parameters) -> list[Json]:
    if isinstance(values, Mapping):
        return [_named(where, name, value) for name, value in values.items()]
    return [{"type": "text", "text": _value(f"{where}.{n}", value)} for n, value in enumerate(values, start=1)]


def _named(where: str, name: str, value: str) -> Json:
    if not _NAME.fullmatch(name):
        raise InvalidMessage(where, "names of parameters are lower-case letters, digits and underscores.")
    return {"type": "text", "parameter_name": name, "text": _value(f"{where}.{name}", value)}


def _value(where: str, value: str) -> str:
    return filled(where, parameter(value))
