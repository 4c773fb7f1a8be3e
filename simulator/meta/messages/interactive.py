"""Interactive messages as Meta accepts them.

Source: WhatsApp Cloud API reference, "Interactive messages" (v26.0), and its guides of each type.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simulator.json_type import Json
from simulator.meta.messages.attachments import Media
from simulator.meta.strict_model import StrictModel

MAX_BUTTONS, MAX_SECTIONS, MAX_ROWS, MAX_PRODUCTS = 3, 10, 10, 30

ButtonTitle = Annotated[str, Field(min_length=1, max_length=20)]  # titles of buttons
ShortLine = Annotated[str, Field(min_length=1, max_length=60)]  # headers and footers
WebAddress = Annotated[str, Field(min_length=1, pattern=r"^https?://")]


class Body(StrictModel):
    """The text; most types allow 1,024 characters."""

    text: str = Field(min_length=1, max_length=1024)


class LongBody(StrictModel):
    """The text of a list: 4,096 characters."""

    text: str = Field(min_length=1, max_length=4096)


class Footer(StrictModel):
    """The line under the text."""

    text: ShortLine


class Header(StrictModel):
    """The line or the media above the text: exactly the field that `type` names."""

    type: Literal["text", "image", "video", "document"]
    text: ShortLine | None = None
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = {name for name in ("text", "image", "video", "document") if getattr(self, name) is not None}
        if given != {self.type}:
            raise ValueError(f"a header of type {self.type} has {self.type}, and nothing else")
        return self


class TextHeader(StrictModel):
    """A header of text only."""

    type: Literal["text"]
    text: ShortLine


class Reply(StrictModel):
    """The title and the id of a reply button."""

    id: str = Field(min_length=1, max_length=256)
    title: ButtonTitle


class ReplyButton(StrictModel):
    """A reply button."""

    type: Literal["reply"]
    reply: Reply


class ButtonAction(StrictModel):
    """One to three buttons."""

    buttons: list[ReplyButton] = Field(min_length=1, max_length=MAX_BUTTONS)

    @model_validator(mode="after")
    def _differ(self) -> Self:
        for name in ("id", "title"):
            values = [getattr(button.reply, name) for button in self.buttons]
            if len(set(values)) < len(values):
                raise ValueError(f"button {name}s must be unique")
        return self


class Row(StrictModel):
    """A choice of a list."""

    id: str = Field(min_length=1, max_length=200)
    title: str = Field(min_length=1, max_length=24)
    description: str | None = Field(None, max_length=72)


class Section(StrictModel):
    """Rows under a title."""

    title: str | None = Field(None, max_length=24)
    rows: list[Row] = Field(min_length=1, max_length=MAX_ROWS)


class ListAction(StrictModel):
    """A list's button and its sections."""

    button: ButtonTitle
    sections: list[Section] = Field(min_length=1, max_length=MAX_SECTIONS)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rows = [row.id for section in self.sections for row in section.rows]
        if len(rows) > MAX_ROWS:
            raise ValueError(f"total row count exceeds the maximum of {MAX_ROWS}")
        if len(set(rows)) < len(rows):
            raise ValueError("row ids must be unique")
        if len(self.sections) > 1 and not all(section.title for section in self.sections):
            raise ValueError("section titles are required when there is more than one section")
        return self


class UrlParameters(StrictModel):
    """The address behind a button."""

    display_text: ButtonTitle
    url: WebAddress


class UrlAction(StrictModel):
    """`cta_url`."""

    name: Literal["cta_url"]
    parameters: UrlParameters


class FlowStart(StrictModel):
    """The first screen of a flow."""

    screen: str = Field(min_length=1)
    data: Annotated[Json, Field(min_length=1)] | None = None


class FlowParameters(StrictModel):
    """The flow to open, and how it opens."""

    flow_message_version: Literal["3"]
    flow_id: str | None = Field(None, min_length=1)
    flow_name: str | None = Field(None, min_length=1)
    flow_cta: ButtonTitle
    flow_token: str | None = None
    mode: Literal["draft", "published"] = "published"
    flow_action: Literal["navigate", "data_exchange"] = "navigate"
    flow_action_payload: FlowStart | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.flow_id is None) == (self.flow_name is None):
            raise ValueError("give either flow_id or flow_name")
        return self


class FlowAction(StrictModel):
    """`flow`."""

    name: Literal["flow"]
    parameters: FlowParameters


class NamedAction(StrictModel):
    """An action that is only a name."""

    name: Literal["send_location", "call_permission_request", "voice_call", "catalog_message"]
    parameters: Json | None = None


class Product(StrictModel):
    """A product of a list."""

    product_retailer_id: str = Field(min_length=1)


class ProductSection(StrictModel):
    """Products under a title."""

    title: str = Field(min_length=1, max_length=24)
    product_items: list[Product] = Field(min_length=1, max_length=MAX_PRODUCTS)


class ProductAction(StrictModel):
    """One product."""

    catalog_id: str = Field(min_length=1)
    product_retailer_id: str = Field(min_length=1)


class ProductListAction(StrictModel):
    """Several products."""

    catalog_id: str = Field(min_length=1)
    sections: list[ProductSection] = Field(min_length=1, max_length=MAX_SECTIONS)


class ContactInfoAction(StrictModel):
    """`request_contact_info`: its button has Meta's own words."""

    name: Literal["request_contact_info"]


class _Interactive(StrictModel):
    type: str
    footer: Footer | None = None


class Buttons(_Interactive):
    """`type: button`."""

    header: Header | None = None
    body: Body
    action: ButtonAction


class List(_Interactive):
    """`type: list`."""

    header: TextHeader | None = None
    body: LongBody
    action: ListAction


class CtaUrl(_Interactive):
    """`type: cta_url`."""

    header: Header | None = None
    body: Body
    action: UrlAction


class Flow(_Interactive):
    """`type: flow`."""

    header: Header | None = None
    body: Body
    action: FlowAction


class Request(_Interactive):
    """`location_request_message`, `call_permission_request`, `voice_call`, `catalog_message`."""

    body: Body
    action: NamedAction


class ContactInfo(StrictModel):
    """`type: request_contact_info`; neither header nor footer."""

    type: str
    body: Body
    action: ContactInfoAction


class OneProduct(_Interactive):
    """`type: product`."""

    body: Body | None = None
    action: ProductAction


class Products(_Interactive):
    """`type: product_list`."""

    header: TextHeader
    body: Body
    action: ProductListAction


INTERACTIVE: dict[str, type[StrictModel]] = {
    "button": Buttons,
    "list": List,
    "cta_url": CtaUrl,
    "flow": Flow,
    "location_request_message": Request,
    "call_permission_request": Request,
    "voice_call": Request,
    "catalog_message": Request,
    "request_contact_info": ContactInfo,
    "product": OneProduct,
    "product_list": Products,
}
