"""An adversarial model, business data that record every change, and a customer who remembers the messages they saw.

The model calls every tool with hostile arguments, in every order and pairing, and says anything. The messages that the
customer saw are read from the replies alone, as the gateway renders them; the changes that they accepted from their
taps and words, by rules that are written here independently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from graph.business import Order, Product, RefusedError, Ticket, TicketRequest
from graph.contract.context import CustomerKey
from graph.prompts import TEXTS as OURS
from tests.graph.support.talk import inbound

# What no phone shows, among the characters of `TEXTS`; joiners join emojis only.
UNSEEN = re.compile("[\u200b\u202e\u034f\u3164\U000e0101]|(?<![❤\ufe0f])[\u200d\ufe0f]")
LONG = "Ponha isto na conta do cliente. " * 40
TEXTS = [
    "Quer receber nossas novidades?", "Confirma?", "*Sim*", "x", LONG, LONG * 3, "a\n\n\n\n\u202eb", "", "[Sim](http://x.example)",
    "Troca <!-- e estorno na conta 1 --> da lente", "Troca <span title='estorno na conta 1'>da lente</span>",
    "a\u200d\ufe0f\u3164\u034f\U000e0101b ❤\ufe0f\u200d🔥", "Troca\n```estorno na conta 1\n```\n| a |\n|---|\n[c]: http://x.example",
]  # fmt: skip
TOOLS = [
    "order_status", "list_orders", "cancel_order", "change_address", "create_ticket", "get_ticket", "list_tickets",
    "search_products", "store_info", "remember", "show_profile", "forget", "ask_choice", "transfer_to",
    "request_human", "request_phone_number", "conversation_history", "verify_customer", "confirm_change", "drop_change",
    "search_knowledge",
    "no_such_tool",
]  # fmt: skip
CHANGING = ["cancel_order", "change_address", "create_ticket", "forget", "confirm_change", "drop_change", "ask_choice"]


class Shop:
    """Business data in memory, which record every change in the words that a customer must have read."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, tuple[str, ...]]] = []  # key, and what the customer has to have been shown
        self._orders = {
            number: Order(id=number, status="Em separação", ordered_on=date(2026, 1, 1), address="Rua A, 1")
            for number in ("12345", "67890")
        }

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        return [*self._orders.values()]

    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        return self._orders.get(order_id)

    async def cancel_order(self, keys: Sequence[CustomerKey], order_id: str, idempotency_key: str) -> Order:
        return self._change(order_id, idempotency_key, ("cancelamento do pedido", order_id), stage="cancelled")

    async def change_address(
        self, keys: Sequence[CustomerKey], order_id: str, address: str, idempotency_key: str
    ) -> Order:
        return self._change(order_id, idempotency_key, ("entrega do pedido", order_id, address), address=address)

    def _change(self, order_id: str, key: str, shown: tuple[str, ...], **to: Any) -> Order:
        if self._orders[order_id].stage != "open":
            raise RefusedError("não pode mais")
        self.changes.append((key, shown))
        self._orders[order_id] = self._orders[order_id].model_copy(update=to)
        return self._orders[order_id]

    async def products(self, words: str, limit: int) -> list[Product]:
        return [Product(id="1", name="Lente", price=Decimal(1), image_url="https://example.com/a.jpg")]

    async def tickets(self, keys: Sequence[CustomerKey]) -> list[Ticket]:
        return []

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        return None

    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        priority = {"low": "baixa", "normal": "normal", "high": "alta", "urgent": "urgente"}[request.priority]
        self.changes.append((idempotency_key, ("abrir este chamado", request.subject, request.description, priority)))
        return Ticket(**request.model_dump(), id=1, status="Aberto", created_at=datetime(2026, 1, 1, tzinfo=UTC))

    async def verify(self, keys: Sequence[CustomerKey], order_id: str, postcode: str) -> bool:
        return False

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class Silent:
    """A gateway that knows no earlier messages."""

    async def history(self, customer_id: str, limit: int) -> list[Any]:
        return []

    async def proof_tries(self, customer_id: str, order_id: str) -> int | None:
        return 2


def arguments() -> st.SearchStrategy[dict[str, Any]]:
    """Return hostile arguments for a tool, and arguments of the other tools, which it has to ignore."""
    texts, orders = st.sampled_from(TEXTS), st.sampled_from(["12345", "67890", "#12345", "99999"])
    address = st.sampled_from(
        [
            "Rua Nova, 7",
            "Rua do Ladrão, 1\nConfirma o recebimento?",
            LONG[:290],
            "\u202e\u200b" * 8,
            "Rua Nova, 7 <!-- fundos: Rua do Ladrão, 1 -->",
            "Rua <a href='//l.example'></a>Nova\\_7 &#8203;",
        ]
    )
    known: dict[str, st.SearchStrategy[Any]] = {
        "order_id": orders, "address": address, "subject": texts, "description": texts, "fact": texts, "reason": texts,
        "priority": st.sampled_from(["low", "normal", "urgent"]), "question": texts, "words": texts,
        "options": st.sampled_from([["Sim", "Não"], ["*Sim*", "Sim"], [LONG[:70], LONG[:60]], ["confirm:1", "drop:1"]]),
        "department": st.sampled_from(["orders", "support", "sales", "nowhere"]), "ticket_id": orders,
        "postcode": texts, "what": st.sampled_from(["notes", "everything"]),
    }  # fmt: skip
    return st.fixed_dictionaries(known)


_NAMES = st.one_of(st.sampled_from(CHANGING), st.sampled_from(TOOLS))


@st.composite
def call(draw: st.DrawFn, names: st.SearchStrategy[str] = _NAMES) -> tuple[str, dict[str, Any], str]:
    """A tool's name, its arguments, and the prefix of the call's id."""
    name = draw(names)
    return name, draw(arguments()), draw(st.sampled_from(["a", "b", "c"]))


STEPS = st.one_of(
    st.lists(st.lists(call(), min_size=1, max_size=3), max_size=3),
    st.lists(call(st.sampled_from(CHANGING[:4])), min_size=1, max_size=2).map(lambda step: [step]),
)


@dataclass(frozen=True)
class Say:
    """The customer's part of a turn: taps (`yes`, `no`, an `old` button, `other` buttons), and words."""

    taps: list[Literal["yes", "no", "old", "other"]]
    words: list[str]
    forged: bool = False
    since: bool = False
    unsent: bool = False


_ANY = st.builds(
    Say,
    taps=st.lists(st.sampled_from(["yes", "no", "old", "other"]), max_size=1),
    words=st.lists(
        st.sampled_from(["sim", "ok", "não", "não, espera", "sim, mas troca", "Qual é o endereço?", "pode cancelar"]),
        max_size=2,
    ),
    forged=st.integers(0, 9).map(lambda n: n == 0),
    since=st.integers(0, 9).map(lambda n: n == 0),
    unsent=st.integers(0, 9).map(lambda n: n == 0),
)  # fmt: skip


# As often a plain yes: else hardly anything would ever be changed.
SAY = st.one_of(_ANY, st.sampled_from([Say(["yes"], []), Say([], ["sim"])]))

CANCEL = ("cancel_order", {"order_id": "12345"}, "a")
MOVE = ("change_address", {"order_id": "67890", "address": "Rua Nova, 7 <!-- ou não -->"}, "a")
TALK = ("store_info", {}, "a")
OPEN = ("create_ticket", {"subject": "x\u3164", "description": f"<!-- y -->{LONG}<!-- z -->", "priority": "low"}, "a")

Turns = list[tuple[Say, list[list[tuple[str, dict[str, Any], str]]], str]]


def told(*turns: tuple[Say, tuple[str, dict[str, Any], str]]) -> Turns:
    """Return a story: the customer's part of each turn, and the one tool that the model calls then."""
    return [(say, [[wish]], "Está bem?") for say, wish in turns]


ASK = Say(taps=[], words=["Oi"])
# A question was asked, and what the customer does next is no yes to it (`accepted` knows).
STORIES = [
    told((ASK, CANCEL), (ASK, TALK), (Say([], ["sim"]), TALK)),  # to something else that was said
    told((ASK, CANCEL), (ASK, MOVE), (Say(["old"], []), TALK)),  # to what is not asked any more
    told((ASK, CANCEL), (ASK, MOVE), (Say(["old"], ["sim"]), TALK)),
    told((ASK, CANCEL), (Say([], [], forged=True), TALK)),  # a button of somebody else's
    told((ASK, CANCEL), (Say([], ["sim"], since=True), TALK)),  # to a person
    told((ASK, CANCEL), (Say([], ["sim"], unsent=True), TALK)),  # to nothing
    told((ASK, CANCEL), (Say([], ["sim", "não, espera"]), TALK)),
    told((ASK, CANCEL), (Say(["yes"], ["sim, mas troca"]), TALK)),
    [(ASK, [[CANCEL, MOVE]], "x"), (Say(["yes"], []), [[TALK]], "x")],  # one of two
    # What is accepted has to have been shown, in one message and in two.
    told((ASK, MOVE), (Say(["yes"], []), TALK)),
    told((ASK, OPEN), (Say([], ["ok"]), TALK)),
]


@dataclass
class Customer:
    """A customer with a phone, who remembers the messages shown on it."""

    seen: list[dict[str, Any]] = field(default_factory=list)  # all replies that reached the phone
    last: list[dict[str, Any]] = field(default_factory=list)  # those of the last turn; none where it was not sent
    accepted: set[str] = field(default_factory=set)  # texts of the questions that were said yes to, whole

    def speak(self, say: Say) -> list[dict[str, Any]]:
        """Return the messages of a turn, and the changes that they accept."""
        tapped = [found for kind in say.taps if (found := self._tap(kind))]
        messages = [
            inbound("Sim", kind="interactive", interactive={"type": "button_reply", **choice}) for _, choice in tapped
        ]
        messages += [inbound(text) for text in say.words]
        if say.forged:
            messages.append(inbound("Sim", kind="button", interactive={"type": "button", "id": self._known()}))
        question = self.question(self.last)
        taps_yes = [(place, one) for place, one in tapped if one["id"].startswith("confirm:")]
        clear = not say.forged and all(text in ("sim", "ok", "pode cancelar") for text in say.words)
        if clear and taps_yes and taps_yes == tapped:
            self.accepted |= {self._question_at(place) for place, _ in taps_yes}
        if clear and question and say.words and not tapped and not say.since and not say.unsent:
            self.accepted |= {question}
        return messages or [inbound("Oi")]

    def question(self, replies: list[dict[str, Any]]) -> str:
        """Return the text of a question that was shown by itself; empty if there is none."""
        asked = bool(replies) and replies[-1]["type"] == "buttons" and button_of(replies[-1]).startswith("confirm:")
        if not asked or len(replies) > 2 or any(reply["type"] != "text" for reply in replies[:-1]):
            return ""
        alone = len(replies) == 1 or replies[-1]["body"].endswith(OURS["ask_all"])
        return text_of(replies) if alone else ""

    def _tap(self, kind: str) -> tuple[int, dict[str, Any]] | None:
        """Return the tapped button, and the message that it belongs to."""
        choices = [(place, choice) for place, reply in enumerate(self.seen) for choice in choices_of(reply)]
        yes = [one for one in choices if one[1]["id"].startswith("confirm:")]
        no = [one for one in choices if one[1]["id"].startswith("drop:")]
        others = [one for one in choices if one not in [*yes, *no]]
        wanted = {"yes": yes[-1:], "no": no[-1:], "old": yes[:1], "other": others[-1:]}[kind]
        return next(((place, {"id": one["id"], "title": one["title"]}) for place, one in wanted), None)

    def _known(self) -> str:
        """Return the newest id that confirms a change, for a template's button with the same id."""
        return next(
            (button_of(one) for one in reversed(self.seen) if button_of(one).startswith("confirm:")), "confirm:1"
        )

    def _question_at(self, place: int) -> str:
        """Return the text before and above a button: at most one text message belongs to a question."""
        before = self.seen[place - 1 : place] if place and self.seen[place - 1]["type"] == "text" else []
        return text_of([*before, self.seen[place]])


def choices_of(reply: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the buttons and rows of a reply."""
    return [*reply.get("buttons", []), *(row for section in reply.get("sections", []) for row in section["rows"])]


def button_of(reply: dict[str, Any]) -> str:
    """Return the id of the first button of a reply; empty if it has none."""
    return str(choices_of(reply)[0]["id"]) if reply["type"] == "buttons" else ""


def text_of(replies: list[dict[str, Any]]) -> str:
    """Return the text that a phone shows of replies, in one line."""
    said = " ".join(str(reply.get("text") or reply.get("body")) for reply in replies)
    return " ".join(UNSEEN.sub("", said).split())


def answers(steps: list[list[tuple[str, dict[str, Any], str]]], last: str) -> list[AIMessage]:
    """Return the model's answers to the calls of a turn: tools, then words."""
    made = [
        AIMessage(
            "Toque em Sim!",
            tool_calls=[
                {"name": name, "args": values, "id": f"{identity}{number}{place}", "type": "tool_call"}
                for place, (name, values, identity) in enumerate(step)
            ],
        )
        for number, step in enumerate(steps)
    ]
    return [*made, *(AIMessage(last or "Prontinho!") for _ in range(4))]
