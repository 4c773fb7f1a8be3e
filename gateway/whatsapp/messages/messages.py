"""Messages that go out: one frozen class a type, in the words of the run contract's replies.

`message` reads a reply as the graph gives it; `render` checks the limits and writes what the Cloud API takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.text import clean

MediaKind = Literal["image", "audio", "video", "document", "sticker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text. preview: show a preview of the first link; None: where the text has a link. verbatim: as it is shown."""

    text: str
    preview: bool | None = None
    verbatim: bool | None = None
    reply_to: str | None = None
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A reply button; `id` comes back when it is pressed."""

    id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buttons:
    """One to three reply buttons under a body. verbatim: as it is shown."""

    body: str
    buttons: list[Button]
    verbatim: bool | None = None
    header: str | None = None
    footer: str | None = None
    reply_to: str | None = None
    type: Literal["buttons"] = "buttons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A choice of a list; `id` comes back when it is chosen."""

    id: str
    title: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows under a title; the title may be empty where there is one section only."""

    rows: list[Row]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A list: a button that opens up to ten rows."""

    body: str
    button: str
    sections: list[Section]
    header: str | None = None
    footer: str | None = None
    reply_to: str | None = None
    type: Literal["list"] = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Media by public link or by the id of an upload (exactly one); file names are for documents."""

    kind: MediaKind
    link: str | None = None
    media_id: str | None = None
    caption: str | None = None
    filename: str | None = None
    reply_to: str | None = None
    type: Literal["media"] = "media"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place; degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    reply_to: str | None = None
    type: Literal["location"] = "location"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Contact cards, as the Cloud API's contact objects."""

    contacts: list[dict[str, Any]]
    reply_to: str | None = None
    type: Literal["contacts"] = "contacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An approved template; `templates` helps to build the components."""

    name: str
    language: str
    components: list[dict[str, Any]] = field(default_factory=list)
    reply_to: str | None = None
    type: Literal["template"] = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """An emoji on a message; an empty one takes it back."""

    emoji: str
    message_id: str
    reply_to: str | None = None  # every reply may carry it; a reaction has no use for it
    type: Literal["reaction"] = "reaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class CtaUrl:
    """A button that opens an address; `text` is on the button."""

    body: str
    text: str
    url: str
    header: str | None = None
    footer: str | None = None
    reply_to: str | None = None
    type: Literal["cta_url"] = "cta_url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A button (`cta`) that opens a flow, at a screen with data where given."""

    body: str
    flow_id: str
    cta: str
    screen: str | None = None
    data: dict[str, Any] | None = None
    token: str | None = None
    header: str | None = None
    footer: str | None = None
    reply_to: str | None = None
    type: Literal["flow"] = "flow"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRequest:
    """A button by which a customer who hides the number shares it; the answer comes as contacts."""

    body: str
    reply_to: str | None = None
    type: Literal["contact_request"] = "contact_request"


Message = Text | Buttons | Choices | Media | Location | Contacts | Template | Reaction | CtaUrl | Flow | ContactRequest

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def message(reply: Mapping[str, Any]) -> Message:
    """Read a reply of the run contract (`{"type": "text", "text": ...}`); unknown fields are ignored.

    Raises:
        InvalidMessage: A field is missing or of the wrong type. Limits are checked by `render`, not here.
    """
    try:
        return _ADAPTER.validate_python(clean(reply))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "type"
        # From None, and no tag quoted: pydantic's own texts contain the given values.
        problem = "is not a known type of message." if first["type"].startswith("union_tag") else f"{first['msg']}."
        raise InvalidMessage(where, problem) from None


def as_reply(content: Message) -> dict[str, Any]:
    """Return a message as the reply that `message` reads: plain JSON for a database row."""
    return dict(_ADAPTER.dump_python(content, exclude_none=True))
