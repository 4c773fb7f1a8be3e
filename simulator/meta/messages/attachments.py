"""Media, locations and contact cards inside sent messages, as Meta accepts them.

Source: WhatsApp Cloud API reference, "Messages" (v26.0): media, location and contacts objects.
"""

from typing import Any, Self

from pydantic import Field, model_validator

from simulator.meta.strict_model import StrictModel

MAX_CAPTION_CHARACTERS = 1024


class Media(StrictModel):
    """An upload's id or a public link, exactly one."""

    id: str | None = Field(None, min_length=1)
    link: str | None = Field(None, pattern=r"^https?://")

    @model_validator(mode="after")
    def _check_exactly_one(self) -> Self:
        if (self.id is None) == (self.link is None):
            raise ValueError("give either id or link")
        return self


class Captioned(Media):
    """Image or video."""

    caption: str | None = Field(None, max_length=MAX_CAPTION_CHARACTERS)


class Document(Captioned):
    """A document, with the name that the customer sees."""

    filename: str | None = None


class Audio(Media):
    """Audio; `voice` shows it as a voice note."""

    voice: bool = False


class Location(StrictModel):
    """A place; numbers may come as text. An address needs a name."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: str | None = None
    address: str | None = None


class Name(StrictModel):
    """A contact's name: formatted, and at least one of its parts."""

    formatted_name: str = Field(min_length=1)
    first_name: str | None = None
    last_name: str | None = None
    middle_name: str | None = None
    suffix: str | None = None
    prefix: str | None = None

    @model_validator(mode="after")
    def _more(self) -> Self:
        parts = (self.first_name, self.last_name, self.middle_name, self.suffix, self.prefix)
        if not any(parts):
            raise ValueError("at least one more field of the name is needed (first_name, last_name, …)")
        return self


class Phone(StrictModel):
    """A number of a contact."""

    phone: str | None = None
    type: str | None = None
    wa_id: str | None = None


class Contact(StrictModel):
    """A contact card."""

    name: Name
    phones: list[Phone] = Field(default_factory=list)
    emails: list[dict[str, Any]] = Field(default_factory=list)
    urls: list[dict[str, Any]] = Field(default_factory=list)
    addresses: list[dict[str, Any]] = Field(default_factory=list)
    org: dict[str, Any] | None = None
    birthday: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")


class Contacts(StrictModel):
    """`type: contacts`: the cards, which Meta's JSON has as a bare list."""

    contacts: list[Contact] = Field(min_length=1, max_length=257)
