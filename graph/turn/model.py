"""Which model answers, with which instructions, and within which bounds; and the end of the turn with its answer."""

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

__all__ = ["ModelPolicy", "chat_model"]


class ModelPolicy(AgentMiddleware[State, Context]):
    """Every model call: the run's model, its instructions and tools, bounds; an answer to the customer ends the turn.

    Where neither the model nor the fallback answers, the run fails, and the gateway tries the turn again: no text of an
    error ever becomes an answer. What both refuse they would refuse again: that turn ends with a sentence of ours, and
    without what was refused. The end of the turn is part of this step, not one of its own: each step is a checkpoint,
    and what a step cut off half-way would have answered is asked again.
    """

    state_schema = State

    async def awrap_model_call(
        self, request: ModelRequest[Context], handler: Handler
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Make the call. Raises one of MODEL_FAILURES."""
        state, context = cast("State", request.state), request.runtime.context or Context()
        if said := closing_message(state):
            return _end(state, context, said, None, [])
        prepared = await _prepared(request, state, context)
        names = frozenset(tool.name for tool in request.tools if isinstance(tool, BaseTool))
        try:
            heard, fault = await _heard(ModelCall(prepared, handler, _last(request.messages), models()), context, names)
        except RefusedError:
            left = difference(state["messages"], prepared.messages, without_this_turn(prepared.messages))
            return _end(state, context, repaired(AIMessage(""), "unread"), "unread", left)
        left = difference(state["messages"], prepared.messages, heard.messages)
        if heard.message.tool_calls and fault is None:
            response = ModelResponse(result=[heard.message])
            return ExtendedModelResponse(response, Command(update={"messages": left})) if left else response
        return _end(state, context, repaired(heard.message, fault), fault, left)


async def _heard(call: ModelCall, context: Context, names: frozenset[str]) -> tuple[ModelAnswer, Fault | None]:
    """The first answer that nothing is wrong with: the model is asked twice, then the fallback model once."""
    heard = await call.ask()
    fault = _fault(heard, context, names)
    for further in (call.models, call.models[1:]):
        if fault not in RETRY_HINTS or not further:
            break
        heard = await call.again(heard, fault, context.locale, further).ask()
        fault = _fault(heard, context, names)
    return heard, fault


def _fault(heard: ModelAnswer, context: Context, names: frozenset[str]) -> Fault | None:
    facts = "\n".join(message.text for message in heard.messages if isinstance(message, ToolMessage))
    return judge(heard.message, context.locale, names, facts)


async def _prepared(request: ModelRequest[Context], state: State, context: Context) -> ModelRequest[Context]:
    """The call with the run's instructions, tools and model, and a history that no model's API refuses."""
    known = await memory.facts(request.runtime.store, context.customer_id)
    names = offered_tools(state, context)
    tools = [tool for tool in request.tools if isinstance(tool, BaseTool) and tool.name in names]
    instructions = SystemMessage(system_prompt(state, context, known))
    prepared = request.override(system_message=instructions, messages=paired(request.messages), tools=[*tools])
    return prepared.override(model=chat_model(context.model)) if context.model else prepared


def _end(
    state: State, context: Context, message: AIMessage, fault: Fault | None, left: list[BaseMessage]
) -> ExtendedModelResponse[Any]:
    """The end of the turn; ``left``: how the messages of before change, where some of them were refused."""
    message, update = finish(state, context, message, fault)
    changed = {"messages": left} if left else {}
    return ExtendedModelResponse(ModelResponse(result=[message]), Command(update={**update, **changed}))


def _last(messages: Sequence[AnyMessage]) -> bool:
    """Whether this is the turn's last call, which has to answer."""
    spoken = sum(isinstance(message, AIMessage) for message in after_last_customer_message(messages))
    return spoken + 1 >= settings().model_calls_per_turn
