"""The shapes of knowledge: text to be written, versions, passages, and what a search found; no I/O."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

Kind = Literal["qa", "markdown", "pdf", "docx", "web"]
State = Literal["draft", "published", "retired"]

CONTENT_LIMIT = 400_000  # characters of one version, about 150 pages
TITLE_LIMIT = 300
LINK_LIMIT = 500
ABOVE = " › "  # between the headings of a passage


class NotFoundError(Exception):
    """There is no such source, or it has no version of that state."""


class Text(BaseModel):
    """A text as a person writes it: a question with its answer (`content`), or a document.

    wordings: other forms of the question. department, channel_id: where it is for; None: everywhere. link: an address
    that customers may open. valid_from, valid_until: outside this time it is not used.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: Kind
    title: str = Field(min_length=1, max_length=TITLE_LIMIT)
    wordings: list[str] = Field(default_factory=list, max_length=50)
    content: str = Field(min_length=1, max_length=CONTENT_LIMIT)
    department: str | None = Field(None, max_length=63)
    channel_id: str | None = Field(None, max_length=63)
    owner: str = Field("", max_length=200)
    link: str | None = Field(None, max_length=LINK_LIMIT)
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    @field_validator("link")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname or " " in value):
            raise ValueError("a link for customers begins with https://")
        return value or None

    @model_validator(mode="after")
    def _in_order(self) -> Text:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_until has to be later than valid_from")
        return self

    @property
    def digest(self) -> str:
        """A value that is the same for the same text and settings only."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Passage(BaseModel):
    """A part of a version, as the agent reads it; of a question `title` is the question."""

    title: str
    wordings: list[str] = Field(default_factory=list)
    body: str

    @property
    def heading(self) -> str:
        """The title without those that stand above it."""
        return self.title.rpartition(ABOVE)[2]

    def texts(self) -> list[str]:
        """Return the texts that are made vectors: each stands for one way in which customers may ask."""
        return [self.heading, *self.wordings, f"{self.heading}. {self.body}"]


class Version(BaseModel):
    """A version of a source, as people see it.

    origin: the place in a folder of files that the source follows. address: the web page that it was read from.
    """

    source_id: UUID
    kind: Kind
    origin: str | None
    address: str | None
    number: int
    state: State
    title: str
    wordings: list[str]
    content: str
    department: str | None
    channel_id: str | None
    owner: str
    link: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    written_at: datetime
    published_at: datetime | None


class Found(BaseModel):
    """A passage that answers a question, the best first in a list.

    similarity: of the closest vector, -1 to 1; None without vectors. coverage: the share of the question's words that
    the passage has, rare words counting more, 0 to 1. evidence: how much these words are in all, a word that no text
    has being 1. score: the order. confidence: the probability that the passage answers, 0 to 1.
    """

    id: int
    source_id: UUID
    version: int
    kind: Kind
    title: str
    body: str
    link: str | None
    similarity: float | None = None
    coverage: float = 0.0
    evidence: float = 0.0
    score: float = 0.0
    confidence: float = 0.0
