"""The run contract and the state of a conversation: the only coupling of graph and gateway.

The context of a run (`context.py`) says whose it is; its `capability` opens the gateway's `/internal` for that
customer's messages, files and tries of a proof, until the turn ends or its time is over.
Input of a run: `turn_id`, `inbound`, `since`, `unsent`, `early`. Output: `turn_id`, `replies`, `handoff`; `answered`:
the turn whose whole answer this is; `verified`: true if the customer proved in this turn that the numbers among the
run's keys are theirs, which the gateway keeps and tells later runs (`verification` in the context); `erasure`: how all
data are to be erased, if the customer said yes to that in this turn; `steps`, the tools of the turn; `transcripts`, the
words of its recordings. Values are JSON as they were received and as they are sent; this module's models read them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired, Required

from langchain.agents import AgentState
from langchain.agents.middleware.types import OmitFromInput, OmitFromOutput, PrivateStateAttr
from langchain_core.messages import AnyMessage
from langgraph.channels import EphemeralValue
from langgraph.graph.message import add_messages
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from typing_extensions import TypedDict

from graph.contract.context import Erasure

# Turns that a client may ask about again; far more than can be under way at once.
ANSWERS_KEPT = 20


class _Input(BaseModel):
    # An error must not quote what the customer wrote: it ends up in a log.
    model_config = ConfigDict(hide_input_in_errors=True)


def _text(value: object) -> object:
    return "" if value is None else value


# Meta leaves out fields without a value: for the graph they are empty texts.
Text = Annotated[str, BeforeValidator(_text)]


class Media(_Input):
    """A file that the customer sent; `id` is the gateway's."""

    id: Text = ""
    mime_type: Text = ""
    filename: str | None = None
    size: int | None = None
    voice: bool = False
    status: str = "stored"


class Interactive(_Input):
    """The customer's choice: a button, a row of a list (`id` says which one), or a filled-in form (`data`)."""

    type: Text = ""
    id: Text = ""
    title: Text = ""
    description: str | None = None
    data: dict[str, Any] | None = None


class Location(_Input):
    """A point that the customer sent, in degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class Reaction(_Input):
    """An emoji on a message; an empty emoji means that the reaction was removed."""

    message_id: Text = ""
    emoji: Text = ""


class Product(_Input):
    """A product of a catalogue, by the shop's code."""

    catalog: str | None = None
    product: str | None = None


class MessageContext(_Input):
    """The reference of a message: the text that it answers, the product that it asks about, or forwarding."""

    message_id: str | None = None
    text: str | None = None
    forwarded: bool = False
    product: Product | None = None


class OrderItem(_Input):
    """A line of an order; `price` is that of one piece, in `currency`."""

    product: str | None = None
    quantity: float | None = None
    price: float | None = None
    currency: str | None = None


class Order(_Input):
    """A cart that the customer sent from the catalogue."""

    catalog: str | None = None
    items: list[OrderItem] = Field(default_factory=list)


class Referral(_Input):
    """The advertisement (`ad`) or post that brought the customer."""

    source_type: Text = ""
    source_id: Text = ""
    source_url: Text = ""
    headline: Text = ""
    body: Text = ""
    media_type: Text = ""
    media_url: Text = ""
    ctwa_clid: Text = ""


class Inbound(_Input):
    """One message of the customer. `kind` is open: an unknown kind is described, never an error."""

    id: str = Field(min_length=1)
    kind: str = "text"
    text: str | None = None
    media: Media | None = None
    interactive: Interactive | None = None
    location: Location | None = None
    contacts: list[dict[str, Any]] | None = None
    reaction: Reaction | None = None
    order: Order | None = None
    context: MessageContext | None = None
    referral: Referral | None = None
    timestamp: str | None = None

    @field_validator(
        "media", "interactive", "location", "contacts", "reaction", "order", "context", "referral", mode="wrap"
    )
    @classmethod
    def _or_nothing(cls, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        """Read a detail that is not valid as None, so that the customer still gets an answer to the rest."""
        try:
            return handler(value)
        except ValidationError:
            return None


class CompanyMessage(_Input):
    """A message of the company since the agent's last turn, by a person, or a `template` (`kind`)."""

    author: Literal["person", "business_app"] = "person"
    kind: Text = "text"
    text: str = ""
    timestamp: str | None = None


class TurnInput(_Input):
    """The input of a run.

    `unsent`: id of the previous turn if nothing of its answer (of a question: not all) reached the customer.
    `early`: whether the customer wrote some of these messages before all of the previous answer had left.
    """

    turn_id: str = Field(min_length=1)
    inbound: list[Inbound] = Field(min_length=1)
    since: list[CompanyMessage] = Field(default_factory=list)
    unsent: str | None = None
    early: bool = False


class Handoff(TypedDict):
    """The request that a person takes over; `department`: the title of the one whose matter it is, if there are any."""

    reason: str
    summary: str
    department: NotRequired[str]


class StepPassage(TypedDict):
    """A passage of knowledge that a search gave to the agent; `used`: whether the answer names it."""

    id: int
    source: str
    version: int
    title: str
    used: bool


class Step(TypedDict):
    """A tool that the agent called in a turn, for people who look at it later; the texts are masked."""

    tool: str
    arguments: str
    result: str
    passages: NotRequired[list[StepPassage]]


class Transcript(TypedDict):
    """The words of a recording, masked; `message` is the id of the customer's message."""

    message: str
    text: str


class Usage(TypedDict):
    """The tokens that the models of a turn used, and the last one's name; `cached` is a part of `tokens_in`."""

    model: str
    tokens_in: int
    tokens_out: int
    cached: int


class Answer(TypedDict):
    """The answer of one turn: the output of its run."""

    turn_id: str
    replies: list[dict[str, Any]]
    handoff: Handoff | None
    verified: NotRequired[bool]
    erasure: NotRequired[Erasure | None]
    usage: NotRequired[Usage | None]


class Pending(TypedDict):
    """A change that the customer is asked about, most recently in the turn `turn_id`; `id` is its idempotency key.

    `question` describes the whole change in words; `tool` is carried out with these `arguments` (JSON values).
    """

    id: str
    turn_id: str
    tool: str
    arguments: dict[str, Any]
    question: str
    expires_at: str


def one_pending(known: list[Pending] | None, new: list[Pending] | None) -> list[Pending]:
    """Reduce to one change at a time: a later change replaces an earlier one, and None removes it."""
    return [] if new is None else new[-1:] or known or []


class Prepared(TypedDict):
    """The parts that tools prepared for the end of the turn: replies, and by call id the text that ends the turn."""

    parts: list[dict[str, Any]]
    closing: dict[str, str]


def add_prepared(known: Prepared | None, new: Prepared | None) -> Prepared | None:
    """Reduce by adding: tools that run in parallel each add their parts; None removes all of them."""
    if known is None or new is None:
        return new
    return Prepared(parts=known["parts"] + new["parts"], closing=known["closing"] | new["closing"])


def latest(_: Any, new: Any) -> Any:  # noqa: ANN401 - any value of the state
    """Reduce to the last of several values in one step."""
    return new


class State(AgentState[Any]):
    """The state of a conversation, kept in its thread.

    `answers`: the last turns' answers, oldest first. `asked_at`: when the customer wrote the turn's last message
    (ISO 8601), which the graph takes as the current time. `accepted`: id of the pending change that the customer
    confirmed in this turn; only the beginning of a turn sets it. `failures`: turns in a row without a proper answer.
    `spent`: the usage of this turn's calls whose answers are not among the messages: summaries, discarded answers.
    Each value that a step writes is a row in Postgres: `without_unchanged` leaves out values that stay the same.
    """

    turn_id: Required[str]
    # Kept only until they have become messages, in which card and document numbers are masked.
    inbound: NotRequired[Annotated[list[dict[str, Any]], OmitFromOutput, EphemeralValue]]
    since: NotRequired[Annotated[list[dict[str, Any]], OmitFromOutput, EphemeralValue]]
    unsent: NotRequired[Annotated[str | None, OmitFromOutput, EphemeralValue]]
    early: NotRequired[Annotated[bool, OmitFromOutput, EphemeralValue]]
    answered: NotRequired[Annotated[str, OmitFromInput]]
    replies: NotRequired[Annotated[list[dict[str, Any]], OmitFromInput]]
    handoff: NotRequired[Annotated[Handoff | None, OmitFromInput, latest]]
    verified: NotRequired[Annotated[bool, OmitFromInput, latest]]
    erasure: NotRequired[Annotated[Erasure | None, OmitFromInput, latest]]
    steps: NotRequired[Annotated[list[Step], OmitFromInput, latest]]
    usage: NotRequired[Annotated[Usage | None, OmitFromInput, latest]]
    transcripts: NotRequired[Annotated[list[Transcript], OmitFromInput, latest]]
    # LangGraph expects the reducer at the end of the annotation.
    messages: Required[Annotated[list[AnyMessage], PrivateStateAttr, add_messages]]
    answers: NotRequired[Annotated[list[Answer], PrivateStateAttr]]
    asked_at: NotRequired[Annotated[str, PrivateStateAttr]]
    department: NotRequired[Annotated[str | None, PrivateStateAttr, latest]]
    pending: NotRequired[Annotated[list[Pending], PrivateStateAttr, one_pending]]
    accepted: NotRequired[Annotated[str | None, PrivateStateAttr, latest]]
    prepared: NotRequired[Annotated[Prepared | None, PrivateStateAttr, add_prepared]]
    summary: NotRequired[Annotated[str, PrivateStateAttr]]
    failures: NotRequired[Annotated[int, PrivateStateAttr]]
    spent: NotRequired[Annotated[Usage | None, PrivateStateAttr, latest]]


def without_unchanged(state: State, update: dict[str, Any]) -> dict[str, Any]:
    """Return the update without the values that the state has already."""
    return {name: value for name, value in update.items() if name not in state or state.get(name) != value}


def asked_at(state: State) -> datetime:
    """Return the turn's time, with its zone; the current time if an older version began the turn and kept no time."""
    return datetime.fromisoformat(state["asked_at"]) if "asked_at" in state else datetime.now(UTC)
