"""Functions that the tools share: results, questions before a change, and normalized texts."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.store.base import BaseStore
from langgraph.types import Command

from graph.contract.compose import dump
from graph.contract.context import Context
from graph.contract.replies import Reply
from graph.contract.state import Pending, Prepared, State, asked_at
from graph.policy.confirmations import QUESTION_LIMIT, pending_change
from graph.settings import settings

Runtime = ToolRuntime[Context, State]

ASKED = "O cliente é perguntado no fim deste turno. Nada foi feito ainda: só depois da confirmação dele."
ONE_AT_A_TIME = (
    "O cliente só pode ser perguntado sobre uma mudança de cada vez, e neste turno já é perguntado sobre outra. "
    "Esta não foi perguntada: peça depois da resposta dele."
)
TOO_LONG = "A pergunta teria {length} caracteres, e o cliente só pode ler {limit}. Nada foi perguntado: resuma o texto."
# Invisible marks and letters, besides those of the categories C (Default_Ignorable_Code_Point).
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0e\U000e0100-\U000e01ef]"
)
# An emoji with its variation selector and joiner; or these two characters by themselves.
EMOJI_JOINERS = re.compile("([\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]\ufe0f?\u200d?)|[\ufe0f\u200d]")
# The tools that end a turn with a question before a change: those of `changes.CHANGES`, and the repeated question.
ASKING = frozenset({"cancel_order", "change_address", "create_ticket", "forget", "confirm_change"})


class NoStoreError(Exception):
    """The run has no long-term memory, or no customer to remember."""


def fact(runtime: Runtime, text: str, **update: Any) -> Command[Any]:  # noqa: ANN401 - values of the state
    """Return a fact for the model together with an update of the state."""
    return Command(update={"messages": [ToolMessage(text, tool_call_id=runtime.tool_call_id)], **update})


def show(runtime: Runtime, text: str, *parts: Reply) -> Command[Any]:
    """Return a fact for the model, and parts for the customer that accompany the model's answer."""
    return fact(runtime, text, prepared=Prepared(parts=dump(parts), closing={}))


def end_with(runtime: Runtime, text: str, note: str, *parts: Reply, **update: Any) -> Command[Any]:  # noqa: ANN401
    """End the turn with this text for the customer; `note` is the result that the model reads later."""
    return fact(
        runtime, note, prepared=Prepared(parts=dump(parts), closing={str(runtime.tool_call_id): text}), **update
    )


def propose(runtime: Runtime, tool: str, arguments: dict[str, Any], asked: str) -> str | Command[Any]:
    """Ask the customer before a change; `arguments` (JSON values) are those of the change.

    The question `asked` has to describe all of it. It replaces a change that was proposed in an earlier turn.
    """
    if not may_ask(runtime):
        return ONE_AT_A_TIME
    if len(asked) > QUESTION_LIMIT:
        return TOO_LONG.format(limit=QUESTION_LIMIT, length=len(asked))
    turn_id = runtime.state["turn_id"]
    pending = Pending(
        id=f"{turn_id}:{runtime.tool_call_id}",
        turn_id=turn_id,
        tool=tool,
        arguments=arguments,
        question=asked,
        expires_at=expiry(runtime),
    )
    return ask(runtime, pending)


def ask(runtime: Runtime, pending: Pending) -> Command[Any]:
    """End the turn with the question about this change, which `graph.turn.end` shows."""
    return end_with(runtime, "", ASKED, pending=[pending])


def expiry(runtime: Runtime) -> str:
    """Return the time until which a question that is asked now may be answered."""
    return (asked_at(runtime.state) + timedelta(minutes=settings().confirmation_minutes)).isoformat()


def may_ask(runtime: Runtime) -> bool:
    """Return whether this is the turn's first question before a change, also among parallel calls."""
    state = runtime.state
    one = pending_change(state)
    if one is not None and one["turn_id"] == state["turn_id"]:
        return False
    calls = next((m.tool_calls for m in reversed(state["messages"]) if isinstance(m, AIMessage)), [])
    asking = [call["id"] for call in calls if call["name"] in ASKING]
    return not asking or asking[0] == runtime.tool_call_id


def line_of(text: str) -> str:
    """Return the text as one line without invisible characters; a change is proposed and carried out in this form."""
    return " ".join(_visible(text).split())


def lines_of(text: str) -> str:
    """Return a text of several lines in the same form, with at most one empty line between two."""
    lines = "\n".join(" ".join(line.split()) for line in _visible(text).splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def _visible(text: str) -> str:
    """Return the text without control, format and filler characters, but with line breaks and joined emojis."""
    kept = "".join(one for one in text if one in "\n\t\u200d" or not unicodedata.category(one).startswith("C"))
    return EMOJI_JOINERS.sub(r"\1", INVISIBLE.sub("", kept))


def store_of(runtime: Runtime) -> BaseStore:
    """Return the long-term memory. Raises NoStoreError if there is none, or no customer to remember."""
    if runtime.store is None or not runtime.context.customer_id:
        raise NoStoreError
    return runtime.store


def number_of(text: str) -> str:
    """Return the number of an order or ticket as a customer writes it, without `#` and spaces."""
    return text.strip().lstrip("#").strip()
