"""The run contract and the state of a conversation: the only coupling of brain and channel.

Input of a run: ``turn_id``, ``inbound``, ``since``, ``unsent``, ``early``. Output: ``turn_id``, ``replies``,
``handoff``, and ``verified``: true where the customer proved in this turn that the numbers among the run's keys are
theirs, which the gateway keeps and tells later runs (``verification`` in the context). The values in the state are JSON
values, as they came and as they go; the models here read them.
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

# As many turns as a client may ask about again; far more than can be under way at once.
ANSWERS_KEPT = 20


class _Input(BaseModel):
    # An error must not quote what the customer wrote: it ends up in a log.
    model_config = ConfigDict(hide_input_in_errors=True)


def _text(value: object) -> object:
    return "" if value is None else value


# Meta leaves out what it has not: for the graph that is an empty text.
Text = Annotated[str, BeforeValidator(_text)]


class Media(_Input):
    """A file that the customer sent; ``id`` is the gateway's."""

    id: Text = ""
    mime_type: Text = ""
    filename: str | None = None
    size: int | None = None
    voice: bool = False
    status: str = "stored"


class Interactive(_Input):
    """What the customer chose (``id``: what it stands for): a button, a list's row, or a filled-in form (``data``)."""

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
    """An emoji on a message; an empty one was taken back."""

    message_id: Text = ""
    emoji: Text = ""


class Product(_Input):
    """A product of a catalogue, by the shop's code."""

    catalog: str | None = None
    product: str | None = None


class MessageContext(_Input):
    """What a message refers to: the text that it answers, the product that it asks about, or that it was forwarded."""

    message_id: str | None = None
    text: str | None = None
    forwarded: bool = False
    product: Product | None = None


class OrderItem(_Input):
    """A line of an order; ``price``: of one piece, in ``currency``."""

    product: str | None = None
    quantity: float | None = None
    price: float | None = None
    currency: str | None = None


class Order(_Input):
    """A cart that the customer sent from the catalogue."""

    catalog: str | None = None
    items: list[OrderItem] = Field(default_factory=list)


class Referral(_Input):
    """The advertisement (``ad``) or post that brought the customer."""

    source_type: Text = ""
    source_id: Text = ""
    source_url: Text = ""
    headline: Text = ""
    body: Text = ""
    media_type: Text = ""
    media_url: Text = ""
    ctwa_clid: Text = ""


class Inbound(_Input):
    """One message of the customer. ``kind`` is open: a kind from the future is described, never an error."""

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
        """A detail that cannot be read must not cost the customer the answer to the rest."""
        try:
            return handler(value)
        except ValidationError:
            return None


class CompanyMessage(_Input):
    """What the company said to the customer since the agent's last turn: a person, or a ``template`` (``kind``)."""

    author: Literal["person", "business_app"] = "person"
    kind: Text = "text"
    text: str = ""
    timestamp: str | None = None


class TurnInput(_Input):
    """The input of a run.

    ``unsent``: the turn before this one, where nothing of its answer (of a question: not all) reached the customer.
    ``early``: whether the customer wrote some of this before all of that answer had left.
    """

    turn_id: str = Field(min_length=1)
    inbound: list[Inbound] = Field(min_length=1)
    since: list[CompanyMessage] = Field(default_factory=list)
    unsent: str | None = None
    early: bool = False


class Handoff(TypedDict):
    """The wish that a person takes over."""

    reason: str
    summary: str


class Answer(TypedDict):
    """What one turn answered: the output of its run."""

    turn_id: str
    replies: list[dict[str, Any]]
    handoff: Handoff | None
    verified: NotRequired[bool]


class Pending(TypedDict):
    """A change that the customer is asked about, last in the turn ``turn_id``; ``id``: the key under which it happens.

    ``question`` is the whole of it, in words; what is carried out is ``tool`` with these ``arguments`` (JSON values).
    """

    id: str
    turn_id: str
    tool: str
    arguments: dict[str, Any]
    question: str
    expires_at: str


def one_pending(known: list[Pending] | None, new: list[Pending] | None) -> list[Pending]:
    """Reducer: one change at a time; a later one takes the place of an earlier one. None: none any more."""
    return [] if new is None else new[-1:] or known or []


class Prepared(TypedDict):
    """What tools prepared for the end of the turn: replies, and by call the text to end it with."""

    parts: list[dict[str, Any]]
    closing: dict[str, str]


def add_prepared(known: Prepared | None, new: Prepared | None) -> Prepared | None:
    """Reducer: tools that run side by side each add theirs; None begins anew."""
    if known is None or new is None:
        return new
    return Prepared(parts=known["parts"] + new["parts"], closing=known["closing"] | new["closing"])


def latest(_: Any, new: Any) -> Any:  # noqa: ANN401 - any value of the state
    """Reducer: of several values in one step the last one counts."""
    return new


class State(AgentState[Any]):
    """The state of a conversation, kept in its thread.

    ``answers``: the last turns' answers, oldest first. ``asked_at``: when the customer wrote the turn's last message
    (ISO 8601), which is what "now" means to the graph. ``accepted``: id of the pending change to which the customer
    said yes in this turn; only the beginning of a turn sets it. ``failures``: turns in a row that could not really be
    answered.
    Each value that a step writes is a row in Postgres: ``changes`` leaves out those that are as they were.
    """

    turn_id: Required[str]
    # Only until they have become messages: what the customer wrote is kept with its numbers masked.
    inbound: NotRequired[Annotated[list[dict[str, Any]], OmitFromOutput, EphemeralValue]]
    since: NotRequired[Annotated[list[dict[str, Any]], OmitFromOutput, EphemeralValue]]
    unsent: NotRequired[Annotated[str | None, OmitFromOutput, EphemeralValue]]
    early: NotRequired[Annotated[bool, OmitFromOutput, EphemeralValue]]
    replies: NotRequired[Annotated[list[dict[str, Any]], OmitFromInput]]
    handoff: NotRequired[Annotated[Handoff | None, OmitFromInput, latest]]
    verified: NotRequired[Annotated[bool, OmitFromInput, latest]]
    # The reducer has to stand last: LangGraph looks for it there.
    messages: Required[Annotated[list[AnyMessage], PrivateStateAttr, add_messages]]
    answers: NotRequired[Annotated[list[Answer], PrivateStateAttr]]
    asked_at: NotRequired[Annotated[str, PrivateStateAttr]]
    department: NotRequired[Annotated[str | None, PrivateStateAttr, latest]]
    pending: NotRequired[Annotated[list[Pending], PrivateStateAttr, one_pending]]
    accepted: NotRequired[Annotated[str | None, PrivateStateAttr, latest]]
    prepared: NotRequired[Annotated[Prepared | None, PrivateStateAttr, add_prepared]]
    summary: NotRequired[Annotated[str, PrivateStateAttr]]
    failures: NotRequired[Annotated[int, PrivateStateAttr]]


def without_unchanged(state: State, update: dict[str, Any]) -> dict[str, Any]:
    """The update without what the state says already."""
    return {name: value for name, value in update.items() if name not in state or state.get(name) != value}


def asked_at(state: State) -> datetime:
    """The turn's time, with its zone; the clock's where a turn was begun by a version that kept none."""
    return datetime.fromisoformat(state["asked_at"]) if "asked_at" in state else datetime.now(UTC)
