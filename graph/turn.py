"""Where a turn begins and ends: the guard that answers a turn only once, and what is sent in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime

from graph.context import Context
from graph.prompts import TEXTS
from graph.replies import dump, text_replies
from graph.state import ANSWERS_KEPT, Answer, State, TurnInput
from graph.transcript import clean, close_calls, messages_of, unanswered_calls


class Turn(AgentMiddleware[State, Context]):
    """The first and the last node of the graph."""

    state_schema = State

    @hook_config(can_jump_to=["tools", "end"])
    async def abefore_agent(self, state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Take the turn's messages in; end at once, with the same answer, where the turn was answered before.

        A turn that was begun before and is posted again goes on where it broke off, with the tool calls that the
        model made then: other ones would make its effects happen twice.
        """
        if answer := _answer_of(state):
            return {**answer, "jump_to": "end"}
        fresh: dict[str, Any] = {"replies": [], "handoff": None}
        history = state.get("messages", [])
        known = {message.id for message in history}
        new = [message for message in messages_of(TurnInput.model_validate(state)) if message.id not in known]
        if not new and history and isinstance(history[-1], AIMessage):
            return {**fresh, "jump_to": "tools" if history[-1].tool_calls else "end"}
        return {**fresh, "messages": _with_closed_calls(history, new)}

    async def aafter_agent(self, state: State, runtime: Runtime[Context]) -> dict[str, Any] | None:
        """Make the model's answer into replies and keep them under the turn's id."""
        if _answer_of(state):
            return None
        text = clean(_final_text(state["messages"]))
        replies = dump([*(text_replies(text) or text_replies(TEXTS["empty_answer"]))])
        answer = Answer(turn_id=state["turn_id"], replies=replies, handoff=state.get("handoff"))
        return {**answer, "answers": [*state.get("answers", []), answer][-ANSWERS_KEPT:], "inbound": [], "since": []}


def _answer_of(state: State) -> Answer | None:
    """What the state's turn was answered, if it was."""
    return next((answer for answer in state.get("answers", []) if answer["turn_id"] == state["turn_id"]), None)


def _with_closed_calls(history: list[AnyMessage], new: list[AnyMessage]) -> list[BaseMessage]:
    """The update that appends the new messages, and first answers the calls that an earlier turn left open."""
    if not unanswered_calls(history):
        return [*new]
    return [RemoveMessage(REMOVE_ALL_MESSAGES), *close_calls(history), *new]


def _final_text(messages: Sequence[AnyMessage]) -> str:
    """What the model said last; empty where it said nothing."""
    last = messages[-1] if messages else None
    return last.text if isinstance(last, AIMessage) else ""
