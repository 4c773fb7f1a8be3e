"""The policy of model calls: the model, its instructions and limits, and the end of the turn with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ExtendedModelResponse
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command

from graph.contract.context import Context
from graph.contract.state import State
from graph.history.tool_calls import paired
from graph.history.transcript import after_last_customer_message
from graph.model.chat import chat_model
from graph.model.guard import Fault, judge
from graph.model.reduction import difference, without_this_turn
from graph.policy import memory
from graph.policy.departments import offered_tools
from graph.settings import settings
from graph.turn.end import closing_message, finish, repaired
from graph.turn.instructions import system_prompt
from graph.turn.model_call import RETRY_HINTS, Handler, ModelAnswer, ModelCall, RefusedError, models
from graph.turn.usage import added, usage_of

__all__ = ["ModelPolicy", "chat_model"]


class ModelPolicy(AgentMiddleware[State, Context]):
    """Prepares every model call with the run's model, instructions, tools and limits; an answer ends the turn.

    If neither the model nor the fallback answers, the run fails, and the gateway tries the turn again: no text of an
    error ever becomes an answer. A message that both refuse would be refused again: that turn ends with a text of ours,
    and the message is left out of the history. The end of the turn is part of this step, because each step is a
    checkpoint, and an interrupted step asks the model again.
    """

    state_schema = State

    async def awrap_model_call(
        self, request: ModelRequest[Context], handler: Handler
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Make the call. Raises one of MODEL_FAILURES."""
        state, context = cast("State", request.state), request.runtime.context or Context()
        if closing := closing_message(state):
            return _end(state, context, closing, None, [])
        prepared = await _prepared(request, state, context)
        names = frozenset(tool.name for tool in request.tools if isinstance(tool, BaseTool))
        call = ModelCall(prepared, handler, _last(request.messages), models())
        try:
            answer, fault = await _first_good(call, context, names)
        except RefusedError:
            state = _with_spent(state, call)
            left = difference(state["messages"], prepared.messages, without_this_turn(prepared.messages))
            return _end(state, context, repaired(AIMessage(""), "unread"), "unread", left)
        left = difference(state["messages"], prepared.messages, answer.messages)
        state = _with_spent(state, call)
        if answer.message.tool_calls and fault is None:
            response = ModelResponse(result=[answer.message])
            update: dict[str, Any] = {"messages": left} if left else {}
            update |= {"spent": state["spent"]} if call.discarded else {}
            return ExtendedModelResponse(response, Command(update=update)) if update else response
        return _end(state, context, repaired(answer.message, fault), fault, left)


async def _first_good(call: ModelCall, context: Context, names: frozenset[str]) -> tuple[ModelAnswer, Fault | None]:
    """Return the first answer without a fault: the model is asked twice, then the fallback model once."""
    answer = await call.ask()
    fault = _fault(answer, context, names)
    for further in (call.models, call.models[1:]):
        if fault not in RETRY_HINTS or not further:
            break
        answer = await call.retry(answer, fault, context.locale, further).ask()
        fault = _fault(answer, context, names)
    return answer, fault


def _with_spent(state: State, call: ModelCall) -> State:
    """Return the state with the usage of a call's answers that were not used."""
    return {**state, "spent": added(state.get("spent"), usage_of(call.discarded))}


def _fault(answer: ModelAnswer, context: Context, names: frozenset[str]) -> Fault | None:
    facts = "\n".join(message.text for message in answer.messages if isinstance(message, ToolMessage))
    return judge(answer.message, context.locale, names, facts)


async def _prepared(request: ModelRequest[Context], state: State, context: Context) -> ModelRequest[Context]:
    """Return the call with the run's instructions, tools and model, and a history in the form that APIs accept."""
    known = await memory.facts(request.runtime.store, memory.profile_ids(context))
    names = offered_tools(state, context)
    tools = [tool for tool in request.tools if isinstance(tool, BaseTool) and tool.name in names]
    instructions = SystemMessage(system_prompt(state, context, known))
    prepared = request.override(system_message=instructions, messages=paired(request.messages), tools=[*tools])
    return prepared.override(model=chat_model(context.model)) if context.model else prepared


def _end(
    state: State, context: Context, message: AIMessage, fault: Fault | None, left: list[BaseMessage]
) -> ExtendedModelResponse[Any]:
    """Return the end of the turn; `left`: the update of earlier messages, if some of them were refused."""
    message, update = finish(state, context, message, fault)
    changed = {"messages": left} if left else {}
    return ExtendedModelResponse(ModelResponse(result=[message]), Command(update={**update, **changed}))


def _last(messages: Sequence[AnyMessage]) -> bool:
    """Return whether this is the turn's last call, which has to answer."""
    made = sum(isinstance(message, AIMessage) for message in after_last_customer_message(messages))
    return made + 1 >= settings().model_calls_per_turn
