"""What the agent answers: the ``Reply`` union of the run contract, within WhatsApp's limits.

The limits are those of Meta's Cloud API reference, POST /{phone_number_id}/messages (v26.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
BUTTONS_BODY_LIMIT = 1024  # also of cta_url and flow, which are interactive messages of the same kind
LIST_BODY_LIMIT = 4096
HEADER_LIMIT = FOOTER_LIMIT = 60
BUTTON_TITLE_LIMIT = 20
BUTTON_ID_LIMIT = 256
BUTTON_COUNT_LIMIT = 3
ROW_ID_LIMIT = 200
ROW_TITLE_LIMIT = SECTION_TITLE_LIMIT = 24
ROW_DESCRIPTION_LIMIT = 72
ROW_COUNT_LIMIT = SECTION_COUNT_LIMIT = 10  # rows: over all sections
CONTACT_COUNT_LIMIT = 5
TEMPLATE_NAME_LIMIT = 512

Header = Annotated[str, Field(min_length=1, max_length=HEADER_LIMIT)]
Footer = Annotated[str, Field(min_length=1, max_length=FOOTER_LIMIT)]
ButtonTitle = Annotated[str, Field(min_length=1, max_length=BUTTON_TITLE_LIMIT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Reply(_Part):
    reply_to: str | None = Field(None, description="wamid of the message that this one quotes")


class TextReply(_Reply):
    """Plain text in WhatsApp's own formatting."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=TEXT_LIMIT)


class Button(_Part):
    """A button that answers with its id and title."""

    id: str = Field(min_length=1, max_length=BUTTON_ID_LIMIT)
    title: ButtonTitle


class ButtonsReply(_Reply):
    """A question with up to three buttons."""

    type: Literal["buttons"] = "buttons"
    body: str = Field(min_length=1, max_length=BUTTONS_BODY_LIMIT)
    buttons: list[Button] = Field(min_length=1, max_length=BUTTON_COUNT_LIMIT)
    header: Header | None = None
    footer: Footer | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _require_distinct("buttons", [button.id for button in self.buttons])
        return self


class Row(_Part):
    """One choice of a list."""

    id: str = Field(min_length=1, max_length=ROW_ID_LIMIT)
    title: str = Field(min_length=1, max_length=ROW_TITLE_LIMIT)
    description: str | None = Field(None, max_length=ROW_DESCRIPTION_LIMIT)


class Section(_Part):
    """A titled group of choices."""

    title: str = Field(min_length=1, max_length=SECTION_TITLE_LIMIT)
    rows: list[Row] = Field(min_length=1, max_length=ROW_COUNT_LIMIT)


class ListReply(_Reply):
    """A question with a menu of up to ten rows behind one button."""

    type: Literal["list"] = "list"
    body: str = Field(min_length=1, max_length=LIST_BODY_LIMIT)
    button: ButtonTitle
    sections: list[Section] = Field(min_length=1, max_length=SECTION_COUNT_LIMIT)
    header: Header | None = None
    footer: Footer | None = None

    @model_validator(mode="after")
    def _few_and_distinct(self) -> Self:
        ids = [row.id for section in self.sections for row in section.rows]
        _require_distinct("rows", ids)
        if len(ids) > ROW_COUNT_LIMIT:
            raise ValueError(f"a list may hold {ROW_COUNT_LIMIT} rows in total, this one has {len(ids)}")
        return self


class MediaReply(_Reply):
    """A file, by public address or by the gateway's media id."""

    type: Literal["media"] = "media"
    kind: Literal["image", "audio", "video", "document", "sticker"]
    link: str | None = None
    media_id: str | None = None
    caption: str | None = Field(None, max_length=CAPTION_LIMIT)
    filename: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.link is None) == (self.media_id is None):
            raise ValueError("media needs either link or media_id")
        return self


class LocationReply(_Reply):
    """A point on the map, in degrees."""

    type: Literal["location"] = "location"
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: str | None = None
    address: str | None = None


class ContactsReply(_Reply):
    """Contact cards, as the Cloud API's contact objects."""

    type: Literal["contacts"] = "contacts"
    contacts: list[dict[str, Any]] = Field(min_length=1, max_length=CONTACT_COUNT_LIMIT)


class TemplateReply(_Reply):
    """An approved template, with the Cloud API's component objects."""

    type: Literal["template"] = "template"
    name: str = Field(min_length=1, max_length=TEMPLATE_NAME_LIMIT)
    language: str
    components: list[dict[str, Any]] = Field(default_factory=list)


class ReactionReply(_Reply):
    """An emoji on one of the customer's messages; an empty one takes it back."""

    type: Literal["reaction"] = "reaction"
    emoji: str
    message_id: str


class CtaUrlReply(_Reply):
    """A text with a button that opens a web page."""

    type: Literal["cta_url"] = "cta_url"
    body: str = Field(min_length=1, max_length=BUTTONS_BODY_LIMIT)
    text: ButtonTitle
    url: str
    header: Header | None = None
    footer: Footer | None = None


class FlowReply(_Reply):
    """A text with a button that opens a WhatsApp Flow."""

    type: Literal["flow"] = "flow"
    body: str = Field(min_length=1, max_length=BUTTONS_BODY_LIMIT)
    flow_id: str
    cta: ButtonTitle
    screen: str | None = None
    data: dict[str, Any] | None = None


Reply = Annotated[
    TextReply
    | ButtonsReply
    | ListReply
    | MediaReply
    | LocationReply
    | ContactsReply
    | TemplateReply
    | ReactionReply
    | CtaUrlReply
    | FlowReply,
    Field(discriminator="type"),
]
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


def text_replies(text: str) -> list[TextReply]:
    """The text as one reply, or as several where it is longer than WhatsApp takes; none for a blank text."""
    return [TextReply(text=part) for part in split(text, TEXT_LIMIT)]


def split(text: str, limit: int) -> list[str]:
    """Parts of at most ``limit`` characters, cut between paragraphs, else sentences, else words; never empty ones."""
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _boundary(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in [*parts, rest] if part]


def compose(text: str, parts: Sequence[Reply]) -> list[Reply]:
    """A text and what tools prepared, in as few messages as possible: every one costs.

    The text becomes the body of the last question with buttons or rows, or else the caption of a single file; of
    several questions only the last one is asked.
    """
    asked = [part for part in parts if isinstance(part, ButtonsReply | ListReply)]
    others = [part for part in parts if not isinstance(part, ButtonsReply | ListReply)]
    if asked:
        return [*others, *_with_body(text, asked[-1])]
    if len(others) == 1 and isinstance(others[0], MediaReply) and _captions(others[0], text):
        return [others[0].model_copy(update={"caption": text.strip() or others[0].caption})]
    return [*text_replies(text), *others]


def _with_body(text: str, part: ButtonsReply | ListReply) -> list[Reply]:
    limit = BUTTONS_BODY_LIMIT if isinstance(part, ButtonsReply) else LIST_BODY_LIMIT
    if len(text.strip()) > limit:
        return [*text_replies(text), part]
    return [part.model_copy(update={"body": text.strip() or part.body})]


def _captions(part: MediaReply, text: str) -> bool:
    return part.kind in ("image", "video", "document") and len(text.strip()) <= CAPTION_LIMIT


def choice(body: str, options: Sequence[str], button: str, title: str) -> ButtonsReply | ListReply:
    """A question with these answers: buttons for up to three short ones, else a list of up to ten.

    A title that is too long is cut, its whole text stands below it. ValueError for none or more than ten.
    """
    if len(options) <= BUTTON_COUNT_LIMIT and all(len(option) <= BUTTON_TITLE_LIMIT for option in options):
        buttons = [Button(id=f"choice:{number}", title=option) for number, option in enumerate(options, 1)]
        return ButtonsReply(body=body[:BUTTONS_BODY_LIMIT], buttons=buttons)
    rows = [_row(f"choice:{number}", option) for number, option in enumerate(options, 1)]
    return ListReply(body=body, button=button, sections=[Section(title=title, rows=rows)])


def _row(row_id: str, text: str) -> Row:
    if len(text) <= ROW_TITLE_LIMIT:
        return Row(id=row_id, title=text)
    return Row(id=row_id, title=text[: ROW_TITLE_LIMIT - 1] + "…", description=text[:ROW_DESCRIPTION_LIMIT])


def dump(replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """The replies as JSON values, without what is not set."""
    return [reply.model_dump(mode="json", exclude_none=True) for reply in replies]


def _boundary(text: str, limit: int) -> int:
    """Where to cut the first part: after the last paragraph, line, sentence or word that ends within the limit."""
    window = text[:limit]
    for marks in (("\n\n",), ("\n",), (". ", "! ", "? ", "… "), (" ",)):
        cut = max(window.rfind(mark) + len(mark) for mark in marks)
        if cut > limit // 2:  # an earlier cut would make many short messages
            return cut
    return limit


def _require_distinct(what: str, ids: list[str]) -> None:
    if len(set(ids)) != len(ids):
        raise ValueError(f"the ids of {what} must be distinct")
