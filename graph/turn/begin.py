"""The beginning of a turn: a turn is answered only once, and its messages are prepared for the model."""

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
from graph.contract.state import Answer, Inbound, State, Step, TurnInput, without_unchanged
from graph.history.passages import without_passages
from graph.history.tool_calls import renewed
from graph.history.transcript import mark_unsent, messages_of_turn, unanswered_messages
from graph.model.reduction import closed_history
from graph.policy.confirmations import answerable, call_id, decide, pending_change, shown_last
from graph.policy.departments import CONFIRMATION_TOOLS
from graph.turn.files import read_files
from graph.turn.steps import steps_of
from graph.turn.summary import shorten

LATE = "[esta confirmação chegou depois do prazo, ou é de uma pergunta que já não vale: nada foi feito]"
UNCLEAR = "[o cliente disse mais do que sim à pergunta: nada foi feito ainda]"


class Turn(AgentMiddleware[State, Context]):
    """The first node of the graph; `model` writes the summaries of long histories."""

    state_schema = State

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    @hook_config(can_jump_to=["tools", "end"])
    async def abefore_agent(self, state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Add the turn's messages; end at once, with the same answer, if the turn was answered before.

        A turn that was begun before and is posted again continues where it was interrupted, with the model's tool calls
        of then: new calls would have new idempotency keys, and the effects would happen twice.
        """
        turn = TurnInput.model_validate(state)
        if answer := _answer_of(state):
            again = {"verified": False, "erasure": None, "steps": _steps_again(state, turn), "usage": None}
            return {**again, **answer, "answered": turn.turn_id, "jump_to": "end"}
        history = state.get("messages", [])
        known = {message.id for message in history}
        if all(message.id in known for message in turn.inbound):
            if not _asks_again(state, turn):
                return _go_on(history)
            known -= {message.id for message in turn.inbound}
        return await self._begin(state, runtime.context or Context(), turn, known)

    async def _begin(self, state: State, context: Context, turn: TurnInput, known: set[str | None]) -> dict[str, Any]:
        files = await read_files(turn.inbound, context.capability)
        read = turn.model_copy(update={"inbound": files.inbound})
        new = [message for message in messages_of_turn(read, files.contents) if message.id not in known]
        old = state.get("messages", [])
        again = {message.id for message in new}  # they move to the end, where the model answers them
        history = without_passages([message for message in old if message.id not in again])
        marked = mark_unsent(history) if _unsent(state, turn) else history
        begun = closed_history(marked, turn.turn_id)
        short = await shorten(self._model, begun, state.get("summary", ""), context)
        decided, messages = _decide(state, turn, new)
        started: dict[str, Any] = {
            "replies": [],
            "handoff": None,
            "verified": False,
            "erasure": None,
            "steps": [],
            "usage": None,
            "spent": short.usage,
            "transcripts": files.transcripts,
            "prepared": None,
            "accepted": None,
            "asked_at": _moment(turn).isoformat(),
            "failures": _failures(state, turn, history),
        }
        update = without_unchanged(state, {**started, **decided, **short.update})
        return {**update, "messages": _update(old, short.messages or begun, messages)}


def _answer_of(state: State) -> Answer | None:
    """Return the answer of the state's turn, if it has one."""
    return next((answer for answer in state.get("answers", []) if answer["turn_id"] == state["turn_id"]), None)


def _steps_again(state: State, turn: TurnInput) -> list[Step]:
    """Return the tool calls of a turn that was answered before, as long as the history has its messages."""
    asked = {message.id for message in turn.inbound}
    history = state.get("messages", [])
    begin = next((place for place, one in enumerate(history) if one.id in asked), len(history))
    later = next((place for place, one in enumerate(history) if place > begin and _is_of_another(one, asked)), None)
    return steps_of(history[begin:later])


def _is_of_another(message: AnyMessage, asked: set[str]) -> bool:
    return isinstance(message, HumanMessage) and message.id not in asked


def _unsent(state: State, turn: TurnInput) -> bool:
    """Return whether the customer never received the last answer in the state."""
    answers = state.get("answers", [])
    return bool(answers) and answers[-1]["turn_id"] == turn.unsent


def _asks_again(state: State, turn: TurnInput) -> bool:
    """Return whether messages that were answered wait for another answer, because theirs was never sent.

    That is so where a person cut the turn short and gave the conversation back without a word to the customer.
    """
    return _unsent(state, turn) and not unanswered_messages(state.get("messages", []))


def _go_on(history: Sequence[AnyMessage]) -> dict[str, Any]:
    """Continue with the tools if their calls wait, under unique ids; else with the model."""
    last = history[-1] if history else None
    if not isinstance(last, AIMessage) or not last.tool_calls:
        return {}
    own = renewed(last, history[:-1])
    return {"jump_to": "tools"} | ({} if own is last else {"messages": [own]})


def _failures(state: State, turn: TurnInput, history: Sequence[AnyMessage]) -> int:
    """Return the turns in a row without a proper answer: one more if the last was given up, 0 after a person wrote."""
    return 0 if turn.since else state.get("failures", 0) + bool(unanswered_messages(history))


def _update(old: Sequence[AnyMessage], history: Sequence[AnyMessage], new: Sequence[AnyMessage]) -> list[BaseMessage]:
    """Return the update of the messages: the new ones, or the whole history if more than its end changed."""
    if len(history) >= len(old) and all(one is other for one, other in zip(history, old, strict=False)):
        return [*history[len(old) :], *new]
    return [RemoveMessage(REMOVE_ALL_MESSAGES), *history, *new]


def _decide(state: State, turn: TurnInput, new: Sequence[AnyMessage]) -> tuple[dict[str, Any], list[AnyMessage]]:
    """Return the changes of the state by the customer's answer to a pending question, and the messages that follow."""
    one = pending_change(state)
    if one and one["turn_id"] == turn.unsent:  # the customer never received the question
        one = None
    # Words answer the message that was shown last: they count if it was the question and no message came in between.
    aside = turn.since or turn.unsent or turn.early
    words = one is not None and not aside and shown_last(state, one)
    open_still = {} if one and answerable(one, _moment(turn)) else {"pending": None}
    match decide(one, turn.inbound, _moment(turn), words=words):
        case "yes" if one:  # carried out without asking the model, which then words the outcome
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
    """Return the time of the customer's last message, which is the turn's current time; now if it is unknown."""
    times = [moment for message in turn.inbound if (moment := _time(message))]
    return max(times, default=datetime.now(UTC))


def _time(message: Inbound) -> datetime | None:
    try:
        moment = datetime.fromisoformat(message.timestamp or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
