"""The agent server's answers about the knowledge (`graph/knowledge`), as far as the pages show them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

Kind = Literal["qa", "markdown", "pdf", "docx", "web"]
STATES = ("published", "draft", "scheduled", "expired", "retired")
KINDS: tuple[Kind, ...] = ("qa", "markdown", "pdf", "docx", "web")


class Until(BaseModel):
    """A text with an end."""

    valid_until: datetime | None

    @property
    def last_moment(self) -> datetime | None:
        """The last moment at which the text is valid."""
        return self.valid_until - timedelta(microseconds=1) if self.valid_until else None


class Row(Until):
    """A text in the list. changed: a draft waits to take the place of the version that customers get."""

    source_id: UUID
    kind: Kind
    origin: str | None
    title: str
    department: str | None
    channel_id: str | None
    owner: str
    written_at: datetime
    state: Literal["published", "draft", "scheduled", "expired", "retired"]
    changed: bool


class Overview(BaseModel):
    """The list; more: it goes on."""

    rows: list[Row]
    more: bool


class Places(BaseModel):
    """The owners and departments of texts. titles: of the agent's departments, by name."""

    owners: list[str]
    departments: list[str]
    titles: dict[str, str]

    @property
    def named(self) -> dict[str, str]:
        """The departments of the agent and of texts, by name with their titles."""
        return {name: self.titles.get(name, name) for name in [*self.titles, *self.departments]}


class Version(Until):
    """A version of a text. origin: the place in a folder of files that it follows; None: people write it."""

    source_id: UUID
    kind: Kind
    origin: str | None
    number: int
    state: Literal["draft", "published", "retired"]
    title: str
    wordings: list[str]
    content: str
    department: str | None
    channel_id: str | None
    owner: str
    link: str | None
    valid_from: datetime | None
    written_at: datetime
    published_at: datetime | None

    @property
    def seen(self) -> str:
        """A mark by which a later draft is told from this one; the number of a draft is used again."""
        return self.written_at.isoformat()

    def standing(self, now: datetime) -> str:
        """Return the state of a published version: an end or a beginning counts from its time on."""
        if self.valid_until and self.valid_until <= now:
            return "expired"
        return "scheduled" if self.valid_from and self.valid_from > now else self.state


class Passage(BaseModel):
    """A part of a version, as the agent reads it."""

    title: str
    wordings: list[str]
    body: str


class Found(BaseModel):
    """A passage that a search found. confidence: that it answers, 0 to 1; answers: the agent would be given it."""

    source_id: UUID
    version: int
    title: str
    body: str
    confidence: float
    answers: bool


class Trial(BaseModel):
    """The passages that come into question, the best first. vectors: meaning was searched too, not words alone."""

    passages: list[Found]
    vectors: bool


class Named(BaseModel):
    """A passage that the model named in its answer."""

    source: UUID
    version: int
    title: str


class Answer(BaseModel):
    """The words that the model would answer, and the passages that it named."""

    text: str
    used: list[Named]


class Asked(BaseModel):
    """One time that a question was asked. turn_id: the turn; note: of a person about the answer."""

    id: int
    turn_id: str
    reason: Literal["nothing", "handoff", "thumb"]
    note: str
    asked_at: datetime


class Group(BaseModel):
    """Questions that ask the same and got no answer. source_id: a draft that is to answer them."""

    question: str
    wordings: list[str]
    department: str | None
    channel_id: str | None
    source_id: UUID | None
    asked: list[Asked]

    @property
    def reasons(self) -> list[str]:
        """Why the questions are here, each reason once."""
        return list(dict.fromkeys(one.reason for one in self.asked))

    @property
    def notes(self) -> list[str]:
        """The words of people about answers."""
        return [one.note for one in self.asked if one.note]


class Case(BaseModel):
    """A question that has to get an answer. found: the title of the passage that it gets now; None: none."""

    id: int
    question: str
    made_at: datetime
    found: str | None = None


class Proposed(BaseModel):
    """A customer's words without names and numbers."""

    question: str


class Import(BaseModel):
    """A file or a web page that is read into a draft. progress: in percent; problem: a sentence for people."""

    id: UUID
    name: str
    source_id: UUID | None
    state: Literal["waiting", "reading", "done", "failed", "cancelled"]
    progress: int
    problem: str | None
    created_at: datetime

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("waiting", "reading")


OVERVIEW = TypeAdapter(Overview)
PLACES = TypeAdapter(Places)
VERSION = TypeAdapter(Version)
VERSIONS = TypeAdapter(list[Version])
PASSAGES = TypeAdapter(list[Passage])
TRIAL = TypeAdapter(Trial)
ANSWER = TypeAdapter(Answer)
GROUPS = TypeAdapter(list[Group])
CASE = TypeAdapter(Case)
CASES = TypeAdapter(list[Case])
PROPOSED = TypeAdapter(Proposed)
IMPORT = TypeAdapter(Import)
IMPORTS = TypeAdapter(list[Import])
