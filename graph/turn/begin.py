"""Where a turn begins: the guard that answers a turn only once, and what the model finds when it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime

from graph.contract.context import Context
from graph.contract.state import Answer, Inbound, State, TurnInput, without_unchanged
from graph.history.tool_calls import renewed
from graph.history.transcript import mark_unsent, messages_of_turn, unanswered_messages
from graph.model.reduction import closed_history
from graph.policy.confirmations import answerable, call_id, decide, pending_change, shown_last
from graph.policy.departments import CONFIRMATION_TOOLS
from graph.turn.files import read_files
from graph.turn.summary import shorten

LATE = "[esta confirmação chegou depois do prazo, ou é de uma pergunta que já não vale: nada foi feito]"
UNCLEAR = "[o cliente disse mais do que sim à pergunta: nada foi feito ainda]"


class Turn(AgentMiddleware[State, Context]):
    """The first node of the graph. ``model`` writes the summaries of long histories."""

    state_schema = State

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    @hook_config(can_jump_to=["tools", "end"])
    async def abefore_agent(self, state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Take the turn's messages in; end at once, with the same answer, where the turn was answered before.

        A turn that was begun before and is posted again goes on where it broke off, with the tool calls that the
        model made then: other ones would make its effects happen twice.
        """
        if answer := _answer_of(state):
            return {"verified": False, **answer, "jump_to": "end"}
        turn = TurnInput.model_validate(state)
        history = state.get("messages", [])
        known = {message.id for message in history}
        if all(message.id in known for message in turn.inbound):
            return _go_on(history)
        return await self._begin(state, runtime.context or Context(), turn, known)

    async def _begin(self, state: State, context: Context, turn: TurnInput, known: set[str | None]) -> dict[str, Any]:
        reading = await read_files(turn.inbound)
        seen = turn.model_copy(update={"inbound": reading.inbound})
        new = [message for message in messages_of_turn(seen, reading.said) if message.id not in known]
        history = state.get("messages", [])
        told = mark_unsent(history) if _unsent(state, turn) else history
        begun = closed_history(told, turn.turn_id)
        short = await shorten(self._model, begun, state.get("summary", ""), context)
        decided, said = _decide(state, turn, new)
        started: dict[str, Any] = {
            "replies": [],
            "handoff": None,
            "verified": False,
            "prepared": None,
            "accepted": None,
            "asked_at": _moment(turn).isoformat(),
            "failures": _failures(state, turn, history),
        }
        update = without_unchanged(state, {**started, **decided, **short.update})
        return {**update, "messages": _update(history, short.messages or begun, said)}


def _answer_of(state: State) -> Answer | None:
    """What the state's turn was answered, if it was."""
    return next((answer for answer in state.get("answers", []) if answer["turn_id"] == state["turn_id"]), None)


def _unsent(state: State, turn: TurnInput) -> bool:
    """Whether the last answer in the state is one that the customer never got."""
    answers = state.get("answers", [])
    return bool(answers) and answers[-1]["turn_id"] == turn.unsent


def _go_on(history: Sequence[AnyMessage]) -> dict[str, Any]:
    """To the tools where calls wait, under ids of their own; else to the model."""
    last = history[-1] if history else None
    if not isinstance(last, AIMessage) or not last.tool_calls:
        return {}
    own = renewed(last, history[:-1])
    return {"jump_to": "tools"} | ({} if own is last else {"messages": [own]})


def _failures(state: State, turn: TurnInput, history: Sequence[AnyMessage]) -> int:
    """Turns in a row without a real answer: one more where the last one was given up, none after a person spoke."""
    return 0 if turn.since else state.get("failures", 0) + bool(unanswered_messages(history))


def _update(old: Sequence[AnyMessage], history: Sequence[AnyMessage], new: Sequence[AnyMessage]) -> list[BaseMessage]:
    """The update of the messages: the new ones, after the whole history where more than its end changed."""
    if len(history) >= len(old) and all(one is other for one, other in zip(history, old, strict=False)):
        return [*history[len(old) :], *new]
    return [RemoveMessage(REMOVE_ALL_MESSAGES), *history, *new]


def _decide(state: State, turn: TurnInput, new: Sequence[AnyMessage]) -> tuple[dict[str, Any], list[AnyMessage]]:
    """What the customer's answer to a pending question changes, and the messages with what follows from it."""
    one = pending_change(state)
    if one and one["turn_id"] == turn.unsent:  # nobody was asked
        one = None
    # Words are an answer to what was shown last: that was the question, when they were written, and nobody spoke since.
    aside = turn.since or turn.unsent or turn.early
    words = one is not None and not aside and shown_last(state, one)
    open_still = {} if one and answerable(one, _moment(turn)) else {"pending": None}
    match decide(one, turn.inbound, _moment(turn), words=words):
        case "yes" if one:  # carried out without asking the model: it words the outcome
            call = {"name": CONFIRMATION_TOOLS[0], "args": {}, "id": call_id(turn.turn_id), "type": "tool_call"}
            message = AIMessage("", tool_calls=[call], id=call["id"])
            return {"jump_to": "tools", "accepted": one["id"]}, [*new, message]
        case "late" | "unclear" as answer:
            return open_still, [*new[:-1], _with_note(new[-1], LATE if answer == "late" else UNCLEAR)]
        case "no":
            return {"pending": None}, [*new]
        case _:
            return open_still, [*new]


def _with_note(message: AnyMessage, note: str) -> AnyMessage:
    return HumanMessage(f"{message.text}\n{note}", id=message.id, additional_kwargs=message.additional_kwargs)


def _moment(turn: TurnInput) -> datetime:
    """When the customer wrote last, as far as it is known: what the turn takes for now."""
    times = [moment for message in turn.inbound if (moment := _time(message))]
    return max(times, default=datetime.now(UTC))


def _time(message: Inbound) -> datetime | None:
    try:
        moment = datetime.fromisoformat(message.timestamp or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
