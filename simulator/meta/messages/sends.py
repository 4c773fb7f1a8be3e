"""The requests to `/{phone_number_id}/messages` that Meta accepts; others are refused with Meta's own codes.

A new type is a model here and a line in `CONTENT`. Source of shapes and limits: WhatsApp Cloud API reference,
"Messages" (v26.0).
"""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from simulator.json_type import Json
from simulator.meta.errors import INVALID_PARAMETER, INVALID_VALUE, MISSING_PARAMETER, GraphError
from simulator.meta.messages.attachments import Audio, Captioned, Contacts, Document, Location, Media
from simulator.meta.messages.interactive import INTERACTIVE
from simulator.meta.messages.template_sends import TemplateSend
from simulator.meta.strict_model import StrictModel
from simulator.meta.world import digits_of

MAX_TEXT_CHARACTERS = 4096
MAX_CALLBACK_DATA_CHARACTERS = 512
PHONE_DIGITS = range(7, 16)  # E.164

PartT = TypeVar("PartT", bound=BaseModel)


class Text(StrictModel):
    """`type: text`."""

    body: str = Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)
    preview_url: bool = False


class Reaction(StrictModel):
    """`type: reaction`; an empty emoji removes it."""

    message_id: str = Field(min_length=1)
    emoji: str


class Context(StrictModel):
    """The message to which this one replies."""

    message_id: str = Field(min_length=1)


class Typing(StrictModel):
    """`typing_indicator` of a read call."""

    type: Literal["text"]


class Read(StrictModel):
    """`status: read`."""

    messaging_product: Literal["whatsapp"]
    status: Literal["read"]
    message_id: str = Field(min_length=1)
    typing_indicator: Typing | None = None


class Control(StrictModel):
    """`thread_control`: take a conversation, or release it to Meta's automatic responder."""

    messaging_product: Literal["whatsapp"]
    action: Literal["take", "release"]
    to: str | None = None
    recipient: str | None = None
    metadata: str | None = Field(None, max_length=2000)


CONTENT: dict[str, type[BaseModel]] = {
    "text": Text,
    "reaction": Reaction,
    "image": Captioned,
    "video": Captioned,
    "document": Document,
    "audio": Audio,
    "sticker": Media,
    "location": Location,
    "contacts": Contacts,
    "template": TemplateSend,
    "interactive": BaseModel,  # chosen by its own type
}


class Envelope(StrictModel):
    """The fields that every send has besides its content."""

    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"] = "individual"
    to: str | None = None
    recipient: str | None = None
    type: str = "text"
    context: Context | None = None
    biz_opaque_callback_data: str | None = Field(None, min_length=1, max_length=MAX_CALLBACK_DATA_CHARACTERS)
    content: Any = Field(None, description="the part that belongs to the type, as it was sent")

    @property
    def address(self) -> str:
        """The recipient, as the caller wrote it."""
        return self.to or self.recipient or ""

    def message_content(self) -> Json:
        """Return the message as the phone gets it."""
        message: Json = {"type": self.type, self.type: self.content}
        return message | {"context": self.context.model_dump()} if self.context else message


def parse_read(body: Json) -> Read:
    """Return the read receipt in the body. Raises GraphError."""
    _require_product(body)
    return _validated(Read, body, path="")


def parse_control(body: Json) -> Control:
    """Return the change of control in the body. Raises GraphError."""
    _require_product(body)
    control = _validated(Control, body, path="")
    if bool(control.to) == bool(control.recipient):
        raise GraphError(INVALID_PARAMETER, title="Give either to or recipient.")
    return control


def parse_send(body: Json) -> Envelope:
    """Return the message to send in the body. Raises GraphError."""
    _require_product(body)
    if not body.get("to") and not body.get("recipient"):
        raise GraphError(INVALID_PARAMETER, title="The parameter to is required.")
    kind = body.get("type", "text")
    if not isinstance(kind, str) or kind not in CONTENT:
        names = ", ".join(name.upper() for name in sorted(CONTENT))
        raise GraphError(INVALID_PARAMETER, title=f'Param type must be one of {{{names}}} - got "{kind}".')
    _check_content(kind, body.get(kind))
    rest = {name: value for name, value in body.items() if name != kind}
    envelope = _validated(Envelope, rest | {"content": body[kind]}, path="")
    if envelope.to is not None and len(digits_of(envelope.to)) not in PHONE_DIGITS:
        raise GraphError(INVALID_VALUE, "Parameter 'to' is not a phone number")
    return envelope


def _check_content(kind: str, content: object) -> None:
    """Check the part that belongs to the type. Raises GraphError."""
    if kind == "contacts" and isinstance(content, list):
        _validated(Contacts, {"contacts": content}, path="")
        return
    if not isinstance(content, dict) or kind == "contacts":
        raise GraphError(MISSING_PARAMETER, f"Parameter '{kind}' is mandatory for type '{kind}'")
    if kind != "interactive":
        _validated(CONTENT[kind], content, path=kind)
        return
    name = content.get("type")
    if name is None:
        raise GraphError(MISSING_PARAMETER, "Parameter 'interactive.type' is mandatory")
    if not isinstance(name, str) or name not in INTERACTIVE:
        raise GraphError(INVALID_VALUE, f"Parameter 'interactive.type' must be one of {', '.join(INTERACTIVE)}")
    _validated(INTERACTIVE[name], content, path=kind)


def _require_product(body: Json) -> None:
    if "messaging_product" not in body:
        raise GraphError(INVALID_PARAMETER, title="The parameter messaging_product is required.")


def _validated(model: type[PartT], value: object, path: str) -> PartT:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise _refusal(first["type"], [*filter(None, [path]), *map(str, first["loc"])], first) from error


def _refusal(kind: str, path: list[str], error: ErrorDetails) -> GraphError:
    """Return Meta's error for one of pydantic's."""
    parent = path[0] + "".join(f"['{part}']" for part in path[1:])
    if kind == "missing":
        return GraphError(MISSING_PARAMETER, f"Parameter '{'.'.join(path)}' is mandatory")
    if kind == "extra_forbidden":
        where = f' on param "{path[-2]}"' if len(path) > 1 else ""
        return GraphError(INVALID_PARAMETER, title=f'Unexpected key "{path[-1]}"{where}.')
    if kind == "string_too_long" and path[0] != "interactive" and len(path) > 1:
        limit = error["ctx"]["max_length"]
        return GraphError(INVALID_PARAMETER, title=f"Param {parent} must be at most {limit} characters long.")
    if kind == "string_type":
        return GraphError(INVALID_PARAMETER, title=f"Param {parent} must be a string.")
    return GraphError(INVALID_VALUE, f"Parameter '{'.'.join(path)}': {error['msg']}")
