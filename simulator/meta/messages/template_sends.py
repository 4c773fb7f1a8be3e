"""Template messages: the parameters of a send must fit the approved template.

Source: docs/whatsapp/cloud-api/guides/send-message-templates, and Meta's error codes 132000 to 132069.
"""

import re
from typing import Literal

from pydantic import Field

from simulator.json_type import Json
from simulator.meta.business.templates import VARIABLE, Template, variables
from simulator.meta.errors import (
    INVALID_PARAMETER,
    MISSING_PARAMETER,
    TEMPLATE_DISABLED,
    TEMPLATE_FORMAT,
    TEMPLATE_MISSING,
    TEMPLATE_PARAMETERS,
    TEMPLATE_PAUSED,
    TEMPLATE_TOO_LONG,
    GraphError,
)
from simulator.meta.strict_model import StrictModel

MAX_CHARACTERS = {"BODY": 1024, "HEADER": 60}
UNPRINTABLE = re.compile(r"[\n\t]| {5,}")
# The field with the text that the phone shows for a parameter that is not text.
FALLBACKS = {"currency": "fallback_value", "date_time": "fallback_value"}


class Language(StrictModel):
    """The code of the template's language."""

    code: str = Field(min_length=1)
    policy: Literal["deterministic"] = "deterministic"


class Component(StrictModel):
    """Values for one component: header, body, or the button at an index."""

    type: Literal["header", "body", "button", "carousel", "limited_time_offer", "HEADER", "BODY", "BUTTON"]
    sub_type: str | None = None
    index: int | None = Field(None, ge=0, le=9)
    parameters: list[Json] = Field(default_factory=list)
    cards: list[Json] | None = None


class TemplateSend(StrictModel):
    """`type: template`."""

    name: str = Field(min_length=1, max_length=512)
    language: Language
    components: list[Component] = Field(default_factory=list)
    namespace: str | None = None


def require_usable(template: Template | None, name: str, language: str) -> Template:
    """Return the template, if it can be sent now. Raises GraphError."""
    if template and template.status == "PAUSED":
        raise GraphError(TEMPLATE_PAUSED, f"Template ({name}) is paused due to low quality")
    if template and template.status == "DISABLED":
        raise GraphError(TEMPLATE_DISABLED, f"Template ({name}) is disabled due to low quality")
    if template is None or template.status != "APPROVED":
        details = f"template name ({name}) does not exist in {language}"
        raise GraphError(TEMPLATE_MISSING, details, title="Template name does not exist in the translation")
    return template


def render(template: Template, send: TemplateSend) -> Json:
    """Return what the phone shows: header, body, footer, buttons. Raises GraphError when the parameters do not fit."""
    given = {one.type.lower(): one.parameters for one in send.components if one.type.lower() in {"header", "body"}}
    shown: Json = {"header": _header(template, given.get("header", []))}
    body = template.component("BODY")
    text = body.get("text") if body else None
    if text is None:  # an authentication template: Meta's own text around the code
        text = "*{{1}}* é seu código de verificação."
    shown["body"] = _hydrated("body", text, given.get("body", []), named=template.parameter_format == "NAMED")
    footer = template.component("FOOTER")
    shown["footer"] = footer.get("text") if footer else None
    shown["buttons"] = _buttons(template, [one for one in send.components if one.type.lower() == "button"])
    return {name: value for name, value in shown.items() if value}


def _header(template: Template, given: list[Json]) -> Json | None:
    header = template.component("HEADER")
    if header is None:
        if given:
            raise _mismatch("header", len(given), 0)
        return None
    shape = header["format"]
    if shape == "TEXT":
        return {"text": _hydrated("header", header["text"], given, named=template.parameter_format == "NAMED")}
    kind = shape.lower()
    received = str(given[0].get("type", "unknown")).upper() if len(given) == 1 else "UNKNOWN"
    if received != shape:
        raise GraphError(TEMPLATE_FORMAT, f"header: Format mismatch, expected {shape}, received {received}")
    value = given[0].get(kind)
    if not isinstance(value, dict):
        raise GraphError(MISSING_PARAMETER, f"Parameter 'template.components.header.{kind}' is mandatory")
    return {kind: value}


def _hydrated(where: str, text: str, given: list[Json], *, named: bool) -> str:
    """Return the text with its values. Raises GraphError."""
    wanted = variables(text)
    if len(given) != len(wanted):
        raise _mismatch(where, len(given), len(wanted))
    names = [str(one.get("parameter_name")) for one in given] if named else wanted
    if set(names) != set(wanted):
        details = f"{where}: parameters {', '.join(sorted(names))} do not match {', '.join(sorted(wanted))}"
        raise GraphError(TEMPLATE_PARAMETERS, details)
    values = dict(zip(names, (_value(where, one) for one in given), strict=True))
    hydrated = VARIABLE.sub(lambda match: values[match[1]], text)
    if len(hydrated) > MAX_CHARACTERS[where.upper()]:
        raise GraphError(TEMPLATE_TOO_LONG, f"{where}: hydrated text has {len(hydrated)} characters")
    return hydrated


def _value(where: str, parameter: Json) -> str:
    kind = parameter.get("type")
    value = parameter.get("text")
    if kind in FALLBACKS:
        inner = parameter.get(kind)
        value = inner.get(FALLBACKS[kind]) if isinstance(inner, dict) else None
    elif kind != "text":
        raise GraphError(TEMPLATE_FORMAT, f"{where}: Format mismatch, expected TEXT, received {str(kind).upper()}")
    if not isinstance(value, str) or not value:
        raise GraphError(MISSING_PARAMETER, f"{where}: a parameter of type text needs text")
    if UNPRINTABLE.search(value):
        details = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        raise GraphError(INVALID_PARAMETER, details)
    return value


def _buttons(template: Template, given: list[Component]) -> list[Json]:
    buttons = template.buttons()
    by_index = {one.index: one for one in given}
    if any(index is None or index >= len(buttons) for index in by_index):
        raise GraphError(TEMPLATE_PARAMETERS, f"buttons: the template has {len(buttons)} buttons, counted from 0")
    return [_button(index, button, by_index.get(index)) for index, button in enumerate(buttons)]


def _button(index: int, button: Json, given: Component | None) -> Json:
    """One button with its value. Raises GraphError."""
    kind, parameters = button["type"], given.parameters if given else []
    if given and (given.sub_type or "").upper() not in {kind, *(["URL"] if kind == "OTP" else [])}:
        details = f"buttons: Button at index {index} is of type {kind}, not {given.sub_type}"
        raise GraphError(TEMPLATE_FORMAT, details)
    shown: Json = {"type": kind, "text": button.get("text", "")}
    value = next((one[name] for one in parameters for name in ("text", "payload", "coupon_code") if name in one), None)
    needs = kind in {"OTP", "COPY_CODE"} or (kind == "URL" and variables(button["url"]))
    if needs and not value:
        label = kind.capitalize()
        raise GraphError(MISSING_PARAMETER, f"buttons: Button at index {index} of type {label} requires a parameter")
    if kind == "URL":
        shown["url"] = VARIABLE.sub(str(value), button["url"])
    if kind == "QUICK_REPLY":
        shown["payload"] = value or shown["text"]
    if kind in {"OTP", "COPY_CODE"}:
        shown["code"] = value
    return shown


def _mismatch(where: str, given: int, wanted: int) -> GraphError:
    details = f"{where}: number of localizable_params ({given}) does not match the expected number of params ({wanted})"
    return GraphError(TEMPLATE_PARAMETERS, details)
