"""The replies of the agent: the `Reply` union of the run contract, within WhatsApp's limits.

The limits are those of Meta's Cloud API reference, POST /{phone_number_id}/messages (v26.0).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

# Characters of an answer: the gateway sends it as three messages of 4,096 characters, cut where a paragraph ends.
TEXT_LIMIT = 10_000
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

VERBATIM = "the text is no Markdown: the channel shows every character of it"

Header = Annotated[str, Field(min_length=1, max_length=HEADER_LIMIT)]
Footer = Annotated[str, Field(min_length=1, max_length=FOOTER_LIMIT)]
ButtonTitle = Annotated[str, Field(min_length=1, max_length=BUTTON_TITLE_LIMIT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Reply(_Part):
    reply_to: str | None = Field(None, description="wamid of the message that this one quotes")


class TextReply(_Reply):
    """Text in Markdown; the gateway renders it in WhatsApp's formatting and splits it if it is too long."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=TEXT_LIMIT)
    verbatim: Literal[True] | None = Field(None, description=VERBATIM)


class Button(_Part):
    """A button; a tap on it answers with its id and title."""

    id: str = Field(min_length=1, max_length=BUTTON_ID_LIMIT)
    title: ButtonTitle


class ButtonsReply(_Reply):
    """A question with up to three buttons."""

    type: Literal["buttons"] = "buttons"
    body: str = Field(min_length=1, max_length=BUTTONS_BODY_LIMIT)
    verbatim: Literal[True] | None = Field(None, description=VERBATIM)
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
    """An emoji on one of the customer's messages; an empty emoji removes the reaction."""

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


class ContactRequestReply(_Reply):
    """A text with a button by which a customer who hides the phone number shares it."""

    type: Literal["contact_request"] = "contact_request"
    body: str = Field(min_length=1, max_length=BUTTONS_BODY_LIMIT)


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
    | FlowReply
    | ContactRequestReply,
    Field(discriminator="type"),
]
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


def _require_distinct(what: str, ids: list[str]) -> None:
    if len(set(ids)) != len(ids):
        raise ValueError(f"the ids of {what} must be distinct")
