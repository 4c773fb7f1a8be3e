"""The templates that Meta accepts for review, and those that it refuses before.

Source: docs/whatsapp/business-management-api/message-templates/components. Meta's subcodes are public only in part
(issue threads); an unknown one is left out.
"""

import re
from collections.abc import Callable

from simulator.json_type import Json
from simulator.meta.business.templates import VARIABLE, refused, variables
from simulator.meta.errors import INVALID_PARAMETER, GraphError

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
NAME = re.compile(r"[a-z0-9_]{1,512}")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?")
NAMED_VARIABLE = re.compile(r"[a-z][a-z0-9_]*")
HEADER_FORMATS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "GIF", "PRODUCT")
COMPONENT_TYPES = ("HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST")
BUTTON_FIELDS = {
    "QUICK_REPLY": ("text",), "URL": ("text", "url"), "PHONE_NUMBER": ("text", "phone_number"), "COPY_CODE": (),
    "FLOW": ("text",), "OTP": ("otp_type",), "VOICE_CALL": (), "CATALOG": ("text",), "MPM": ("text",), "SPM": ("text",),
    "REQUEST_CONTACT_INFO": (),
}  # fmt: skip
MAX_CHARACTERS = {"HEADER": 60, "BODY": 1024, "FOOTER": 60}
MAX_BUTTONS, MAX_BUTTON_TEXT, MAX_URL, MAX_PHONE_NUMBER = 10, 25, 2000, 20
MAX_BUTTONS_BY_TYPE = {"URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "REQUEST_CONTACT_INFO": 1}

TOO_LONG_SUBCODE, INCORRECT_SUBCODE, NO_SAMPLE_SUBCODE = 2388040, 2388072, 2388043
EDGE_VARIABLE_SUBCODE, TOO_MANY_VARIABLES_SUBCODE = 2388299, 2388293
MIN_WORDS_PER_VARIABLE = 2  # Meta does not publish its ratio of words to variables; this one is ours


def check_creation(body: Json) -> Json:
    """Return the fields of the template that a request creates. Raises GraphError."""
    for name in ("name", "language", "category"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise GraphError(INVALID_PARAMETER, title=f"The parameter {name} is required.")
    if not NAME.fullmatch(body["name"]):
        text = "Message template name can only have lowercase letters, digits and underscores."
        raise refused("Invalid template name", text)
    if not LANGUAGE.fullmatch(body["language"]):
        raise GraphError(INVALID_PARAMETER, title=f"Param language must be a valid locale - got {body['language']!r}.")
    template = {"name": body["name"], "language": body["language"]}
    return template | check_content(body, body["category"], body.get("parameter_format", "POSITIONAL"))


def check_content(body: Json, category: str, parameter_format: str) -> Json:
    """Return category, format and components of a creation or an edit. Raises GraphError."""
    if category.upper() not in CATEGORIES:
        raise GraphError(
            INVALID_PARAMETER, title=f'Param category must be one of {{{", ".join(CATEGORIES)}}} - got "{category}".'
        )
    named = parameter_format.upper() == "NAMED"
    components = body.get("components")
    if not isinstance(components, list) or not all(isinstance(one, dict) for one in components):
        raise GraphError(INVALID_PARAMETER, title="The parameter components is required.")
    kinds = [_check_component(one, category.upper(), named) for one in components]
    if "BODY" not in kinds:
        raise refused("Component of type BODY is missing", "A template needs a body.", INCORRECT_SUBCODE)
    if len(set(kinds)) < len(kinds):
        raise refused("Components are incorrect", "Each type of component can be used once.", INCORRECT_SUBCODE)
    found: Json = {"category": category.upper(), "components": components}
    found["parameter_format"] = "NAMED" if named else "POSITIONAL"
    ttl = body.get("message_send_ttl_seconds")
    return found | ({"message_send_ttl_seconds": ttl} if isinstance(ttl, int) else {})


def _check_component(component: Json, category: str, named: bool) -> str:
    kind = str(component.get("type", "")).upper()
    if kind not in COMPONENT_TYPES:
        raise refused(
            "Components are incorrect", f"There is no component type {component.get('type')!r}.", INCORRECT_SUBCODE
        )
    component["type"] = kind
    checks: dict[str, Callable[[], None]] = {
        "HEADER": lambda: _check_header(component, named),
        "BODY": lambda: _check_body(component, category, named),
        "FOOTER": lambda: _check_footer(component, category),
        "BUTTONS": lambda: _check_buttons(component, category),
    }
    if kind in checks:
        checks[kind]()
    return kind


def _check_header(header: Json, named: bool) -> None:
    shape = str(header.get("format", "")).upper()
    if shape not in HEADER_FORMATS:
        raise refused("Header format is incorrect", f"A header's format is one of {', '.join(HEADER_FORMATS)}.")
    header["format"] = shape
    if shape == "TEXT":
        text = _text(header, "HEADER")
        if len(variables(text)) > 1 or "\n" in text:
            raise refused("Header format is incorrect", "A header has one line and at most one variable.")
        _check_sample(header, text, "header_text", named)
    if shape in ("IMAGE", "VIDEO", "DOCUMENT") and not _example(header).get("header_handle"):
        raise refused("Sample is missing", "A media header needs example.header_handle.", NO_SAMPLE_SUBCODE)


def _check_body(body: Json, category: str, named: bool) -> None:
    if category == "AUTHENTICATION":
        if "text" in body:
            raise refused(
                "Components are incorrect", "The text of authentication templates is Meta's own.", INCORRECT_SUBCODE
            )
        return
    text = _text(body, "BODY")
    stripped = text.strip()
    if VARIABLE.match(stripped) or re.search(VARIABLE.pattern + r"$", stripped):
        raise refused(
            "Variables can't be at the start or end", "The body begins or ends with a variable.", EDGE_VARIABLE_SUBCODE
        )
    words = len(VARIABLE.sub("", text).split())
    if words < MIN_WORDS_PER_VARIABLE * len(variables(text)):
        text = "This template has too many variables for its length."
        raise refused("Too many variables", text, TOO_MANY_VARIABLES_SUBCODE)
    _check_sample(body, text, "body_text", named)


def _check_footer(footer: Json, category: str) -> None:
    if category == "AUTHENTICATION" and "text" not in footer:
        return
    if variables(_text(footer, "FOOTER")):
        raise refused("Footer format is incorrect", "A footer has no variables.", INCORRECT_SUBCODE)


def _text(component: Json, kind: str) -> str:
    text, limit = component.get("text"), MAX_CHARACTERS[kind]
    if not isinstance(text, str) or not text.strip():
        raise refused(f"Component {kind} is missing its text", f"{kind} needs text.", INCORRECT_SUBCODE)
    if len(text) > limit:
        shown = f"The {kind.lower()} has {len(text)} characters, the limit is {limit}."
        raise refused("Character limit exceeded", shown, TOO_LONG_SUBCODE)
    return text


def _check_sample(component: Json, text: str, name: str, named: bool) -> None:
    """Check that variables are numbered from 1 or named, and that each has a sample. Raises GraphError."""
    found = variables(text)
    if named and not all(NAMED_VARIABLE.fullmatch(one) for one in found):
        raise refused("Invalid parameter name", "Named variables are lowercase letters, digits and underscores.")
    if not named and found != [str(number) for number in range(1, len(found) + 1)]:
        raise refused("Invalid parameter format", "Variables are numbered from {{1}} on, without gaps.")
    if not found:
        return
    samples = _samples(_example(component), name, named)
    if samples is None or (set(samples) != set(found) if named else len(samples) != len(found)):
        where = f"{name}_named_params" if named else name
        raise refused("Sample is missing", f"example.{where} needs one sample for each variable.", NO_SAMPLE_SUBCODE)


def _samples(example: Json, name: str, named: bool) -> list[str] | None:
    """Return the samples' names, or the samples themselves; None where there are none."""
    given = example.get(f"{name}_named_params" if named else name)
    if not isinstance(given, list) or not given:
        return None
    if named:
        return [str(one.get("param_name")) for one in given if isinstance(one, dict) and one.get("example")]
    return given[0] if isinstance(given[0], list) else given


def _example(component: Json) -> Json:
    example = component.get("example")
    return example if isinstance(example, dict) else {}


def _check_buttons(component: Json, category: str) -> None:
    buttons = component.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_BUTTONS:
        raise refused("Buttons are incorrect", f"A template has 1 to {MAX_BUTTONS} buttons.", INCORRECT_SUBCODE)
    kinds = [_check_button(one, category) for one in buttons]
    if any(kinds.count(kind) > maximum for kind, maximum in MAX_BUTTONS_BY_TYPE.items()):
        shown = ", ".join(f"{maximum} {kind}" for kind, maximum in MAX_BUTTONS_BY_TYPE.items())
        raise refused("Buttons are incorrect", f"At most {shown}.", INCORRECT_SUBCODE)
    replies = [index for index, kind in enumerate(kinds) if kind == "QUICK_REPLY"]
    grouped = not replies or replies[-1] - replies[0] == len(replies) - 1
    if not grouped or (replies and replies[0] != 0 and replies[-1] != len(kinds) - 1):
        raise refused("Buttons are incorrect", "Quick-reply buttons stand together.", INCORRECT_SUBCODE)


def _check_button(button: object, category: str) -> str:
    kind = str(button.get("type", "")).upper() if isinstance(button, dict) else ""
    if not isinstance(button, dict) or kind not in BUTTON_FIELDS:
        raise refused("Buttons are incorrect", f"There is no button type {kind!r}.", INCORRECT_SUBCODE)
    if (kind == "OTP") != (category == "AUTHENTICATION"):
        raise refused(
            "Buttons are incorrect", "OTP buttons are for authentication templates, and only those.", INCORRECT_SUBCODE
        )
    button["type"] = kind
    for name in BUTTON_FIELDS[kind]:
        if not isinstance(button.get(name), str) or not button[name]:
            raise refused("Buttons are incorrect", f"A {kind} button needs {name}.", INCORRECT_SUBCODE)
    for name, limit in (("text", MAX_BUTTON_TEXT), ("url", MAX_URL), ("phone_number", MAX_PHONE_NUMBER)):
        if len(str(button.get(name, ""))) > limit:
            raise refused(
                "Character limit exceeded", f"A button's {name} has at most {limit} characters.", TOO_LONG_SUBCODE
            )
    if kind == "URL" and variables(button["url"]) and not button.get("example"):
        raise refused("Sample is missing", "A URL with a variable needs an example.", NO_SAMPLE_SUBCODE)
    return kind
