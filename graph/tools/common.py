"""What the tools share: the runtime, and the ways in which a tool answers besides a fact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.messages import ToolMessage
from langgraph.store.base import BaseStore
from langgraph.types import Command

from graph.compose import dump
from graph.confirmations import question
from graph.context import Context
from graph.replies import Reply
from graph.settings import settings
from graph.state import Pending, Prepared, State, asked_at

Runtime = ToolRuntime[Context, State]

ASKED = "O cliente foi perguntado. Nada foi feito ainda: só depois da confirmação dele."
QUESTION_LENGTH = 900  # of the 1,024 characters that a message with buttons may have


class NoStoreError(Exception):
    """There is no long-term memory where this runs."""


def fact(runtime: Runtime, text: str, **update: Any) -> Command[Any]:  # noqa: ANN401 - values of the state
    """A fact for the model together with a change of the state."""
    return Command(update={"messages": [ToolMessage(text, tool_call_id=runtime.tool_call_id)], **update})


def show(runtime: Runtime, text: str, *parts: Reply) -> Command[Any]:
    """A fact for the model, and something for the customer that goes with the model's words."""
    return fact(runtime, text, prepared=Prepared(parts=dump(parts), closing={}))


def end_with(runtime: Runtime, text: str, note: str, *parts: Reply, **update: Any) -> Command[Any]:  # noqa: ANN401
    """End the turn with this text for the customer; ``note`` is what the model finds later."""
    return fact(
        runtime, note, prepared=Prepared(parts=dump(parts), closing={str(runtime.tool_call_id): text}), **update
    )


def propose(runtime: Runtime, tool: str, arguments: dict[str, Any], asked: str) -> Command[Any]:
    """Ask the customer before the change is made; ``arguments`` (JSON values) are what it will be made with."""
    state = runtime.state
    if len(asked) > QUESTION_LENGTH:
        asked = asked[:QUESTION_LENGTH].rstrip() + "…"
    expires = asked_at(state) + timedelta(minutes=settings().confirmation_minutes)
    pending = Pending(
        id=f"{state['turn_id']}:{runtime.tool_call_id}",
        turn_id=state["turn_id"],
        tool=tool,
        arguments=arguments,
        question=asked,
        expires_at=expires.isoformat(),
    )
    return end_with(runtime, asked, ASKED, question(asked, state["turn_id"]), pending=[pending])


def store_of(runtime: Runtime) -> BaseStore:
    """The long-term memory. NoStoreError where there is none, or nobody to remember."""
    if runtime.store is None or not runtime.context.customer_id:
        raise NoStoreError
    return runtime.store


def number_of(text: str) -> str:
    """A number of an order or ticket as a customer writes it, without ornament."""
    return text.strip().lstrip("#").strip()
