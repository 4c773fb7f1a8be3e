"""The contents of messages: one frozen class a kind, each with its `kind` and the `text` a reader would see (or None).

Every text is clean (no NUL, no lone surrogate); ids are as Meta gave them.
"""

from dataclasses import dataclass
from typing import Literal

from gateway.whatsapp.json_bytes import Json


@dataclass(frozen=True, slots=True)
class TextContent:
    """Plain text."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class MediaContent:
    """Media, to be fetched by id within seven days; `url` (where given) works for five minutes."""

    kind: Literal["image", "audio", "video", "document", "sticker"]
    id: str
    mime_type: str | None = None
    sha256: str | None = None
    text: str | None = None  # the caption
    filename: str | None = None
    voice: bool = False
    animated: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True)
class LocationContent:
    """A place; degrees as sent, not checked."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None
    kind: Literal["location"] = "location"

    @property
    def text(self) -> str | None:
        """Name and address in one line."""
        return ", ".join(part for part in (self.name, self.address) if part) or None


@dataclass(frozen=True, slots=True)
class ContactsContent:
    """Contact cards, in the Cloud API's shape.

    own_number: digits, where the customer answered our request for the own number; a card that was shared by hand is
    never such an answer.
    """

    contacts: list[Json]
    own_number: str | None = None
    kind: Literal["contacts"] = "contacts"

    @property
    def text(self) -> str | None:
        """The names on the cards."""
        names = [card.get("name") for card in self.contacts]
        shown = [name.get("formatted_name") for name in names if isinstance(name, dict)]
        return ", ".join(name for name in shown if isinstance(name, str)) or None


@dataclass(frozen=True, slots=True)
class ReactionContent:
    """An emoji on a message of the business or the customer; None: removed."""

    message_id: str
    emoji: str | None
    kind: Literal["reaction"] = "reaction"

    @property
    def text(self) -> str | None:
        """The emoji."""
        return self.emoji


@dataclass(frozen=True, slots=True)
class ButtonContent:
    """A quick-reply button of a template was pressed; `payload`: the template's."""

    text: str | None
    payload: str | None
    kind: Literal["button"] = "button"


@dataclass(frozen=True, slots=True)
class InteractiveContent:
    """An answer to an interactive message.

    type: button_reply, list_reply, nfm_reply (a flow) or call_permission_reply; id and text: the choice's id and
    title (for a permission, id: `accept` or `reject`); data: what a flow collected, or the permission's terms.
    """

    type: Literal["button_reply", "list_reply", "nfm_reply", "call_permission_reply"]
    id: str | None = None
    text: str | None = None
    description: str | None = None
    data: Json | None = None
    kind: Literal["interactive"] = "interactive"


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One product of an order; item_price in `currency`."""

    product_retailer_id: str | None
    quantity: float | None
    item_price: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class OrderContent:
    """A cart sent from the catalogue."""

    catalog_id: str | None
    items: list[OrderItem]
    text: str | None = None
    kind: Literal["order"] = "order"


@dataclass(frozen=True, slots=True)
class SystemContent:
    """A notice of WhatsApp about the customer, which nobody answers.

    event: user_changed_number, user_changed_user_id, customer_identity_changed, or one not known yet; wa_id, user_id
    and parent_user_id: the new ones; previous_…: the old ones (before August 2026 only the message's customer told
    them); text: WhatsApp's words.
    """

    event: str
    text: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    previous_user_id: str | None = None
    previous_parent_user_id: str | None = None
    kind: Literal["system"] = "system"


@dataclass(frozen=True, slots=True)
class EditContent:
    """The customer changed an earlier message; `content`: the new one (None where it cannot be read)."""

    message_id: str
    content: "Content | None"
    kind: Literal["edit"] = "edit"

    @property
    def text(self) -> str | None:
        """The new text."""
        return self.content.text if self.content else None


@dataclass(frozen=True, slots=True)
class RevokeContent:
    """The customer deleted an earlier message."""

    message_id: str
    kind: Literal["revoke"] = "revoke"

    @property
    def text(self) -> None:
        """None: the text is deleted."""
        return


@dataclass(frozen=True, slots=True)
class UnsupportedContent:
    """A message that WhatsApp does not pass on (131051), or media that it lost (131052); `type`: its kind."""

    type: str | None = None
    kind: Literal["unsupported"] = "unsupported"

    @property
    def text(self) -> None:
        """None: the text is not known."""
        return


Content = (
    TextContent
    | MediaContent
    | LocationContent
    | ContactsContent
    | ReactionContent
    | ButtonContent
    | InteractiveContent
    | OrderContent
    | SystemContent
    | EditContent
    | RevokeContent
    | UnsupportedContent
)
