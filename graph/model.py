"""Which model answers, with which instructions, and within which bounds; and the end of the turn with its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ExtendedModelResponse
from langchain.chat_models import init_chat_model
from langchain_core.exceptions import ModelError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command

from graph import memory
from graph.answer import closing, finish, repaired
from graph.context import Context
from graph.departments import offered
from graph.guard import Fault, judge
from graph.instructions import system_prompt
from graph.masking import mask
from graph.prompts import language
from graph.settings import Settings, settings
from graph.state import State
from graph.transcript import clean, of_turn
from graph.understand import with_pictures

log = logging.getLogger(__name__)

OPENAI_HOST = "api.openai.com"
Handler = Callable[[ModelRequest[Context]], Awaitable[ModelResponse[Any]]]
# What a model that cannot answer raises, after its own retries.
MODEL_FAILURES = (ModelError, TimeoutError)
# What the second attempt is told.
HINTS: dict[Fault, str] = {
    "empty": "A sua resposta anterior veio vazia. Responda ao cliente.",
    "long": "A sua resposta anterior era longa demais. Responda em até 600 caracteres.",
    "language": "A sua resposta anterior estava em outra língua. Responda em {language}.",
}


@lru_cache
def chat_model(name: str) -> BaseChatModel:
    """The model of that name (``provider:model``), made once; ``openai:`` goes to OPENAI_BASE_URL where that is set.

    Raises ValueError or ImportError for a provider that is unknown or not installed.
    """
    config = settings()
    bounds: dict[str, Any] = {"timeout": config.model_timeout_seconds, "max_retries": config.model_retries}
    own = _openai(config) if name.startswith("openai:") else {}
    model: BaseChatModel = init_chat_model(name, **bounds, **own)
    return model


def _openai(config: Settings) -> dict[str, Any]:
    if config.openai_api_key is None:
        log.warning("OPENAI_API_KEY is not set: the model server has to do without, OpenAI itself will refuse.")
    key = config.openai_api_key.get_secret_value() if config.openai_api_key else "missing"
    host = urlsplit(config.openai_base_url).hostname if config.openai_base_url else OPENAI_HOST
    if host != OPENAI_HOST:  # other servers speak the older API, Chat Completions
        return {"api_key": key, "base_url": config.openai_base_url, "use_responses_api": False}
    # OpenAI's models since gpt-5.4 refuse tools on Chat Completions while they reason. Nothing is stored at OpenAI;
    # what the model thought before comes back to it encrypted.
    responses = {"use_responses_api": True, "store": False, "include": ["reasoning.encrypted_content"]}
    return {"api_key": key, "base_url": config.openai_base_url, **responses}


class ModelPolicy(AgentMiddleware[State, Context]):
    """Every model call: the run's model, its instructions and tools, bounds; an answer to the customer ends the turn.

    Where neither the model nor the fallback answers, the run fails, and the gateway tries the turn again: no text of an
    error ever becomes an answer. The end of the turn is part of this step, not one of its own: each step is a
    checkpoint, and what a step cut off half-way would have answered is asked again.
    """

    state_schema = State

    async def awrap_model_call(
        self, request: ModelRequest[Context], handler: Handler
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Make the call. Raises TimeoutError, or what the provider's client raises after its retries."""
        state, context = cast("State", request.state), request.runtime.context or Context()
        if said := closing(state):
            return _end(state, context, said, None)
        call = _Call(await _prepared(request, state, context), handler, _last(request.messages))
        message = await call.ask()
        if message.tool_calls:
            return ModelResponse(result=[message])
        if (fault := judge(message, context.locale)) in HINTS:
            message = await call.ask_again(HINTS[fault].format(language=language(context.locale)))
            fault = judge(message, context.locale)
        return _end(state, context, repaired(message, fault), fault)


@dataclass(frozen=True)
class _Call:
    """A prepared call, which may be made again."""

    request: ModelRequest[Context]
    handler: Handler
    last: bool

    async def ask(self) -> AIMessage:
        """The answer of the model, else of the fallback model."""
        request = self.request.override(tools=[]) if self.last else self.request
        fallback = settings().agent_fallback_model
        try:
            return await self._within(request)
        except MODEL_FAILURES as error:
            if fallback is None:
                raise
            log.warning("the model failed (%s): %s is asked", type(error).__name__, fallback)
            return await self._within(request.override(model=chat_model(fallback)))

    async def ask_again(self, hint: str) -> AIMessage:
        """A second answer, without tools, after a first one that cannot be sent."""
        system = self.request.system_message
        told = SystemMessage(f"{system.text if system else ''}\n\n{hint}")
        return await replace(self, request=self.request.override(system_message=told), last=True).ask()

    async def _within(self, request: ModelRequest[Context]) -> AIMessage:
        async with asyncio.timeout(settings().model_timeout_seconds):
            response = await self.handler(request)
        return _usable(response.result[-1], self.last)


async def _prepared(request: ModelRequest[Context], state: State, context: Context) -> ModelRequest[Context]:
    """The call with the run's instructions, tools and model."""
    known, messages = await asyncio.gather(
        memory.facts(request.runtime.store, context.customer_id),
        with_pictures(request.messages),
    )
    names = offered(state, context)
    tools = [tool for tool in request.tools if isinstance(tool, BaseTool) and tool.name in names]
    instructions = SystemMessage(system_prompt(state, context, known))
    prepared = request.override(system_message=instructions, messages=messages, tools=[*tools])
    return prepared.override(model=chat_model(context.model)) if context.model else prepared


def _end(state: State, context: Context, message: AIMessage, fault: Fault | None) -> ExtendedModelResponse[Any]:
    message, update = finish(state, context, message, fault)
    return ExtendedModelResponse(ModelResponse(result=[message]), Command(update=update))


def _last(messages: Sequence[AnyMessage]) -> bool:
    """Whether this is the turn's last call, which has to answer."""
    spoken = sum(isinstance(message, AIMessage) for message in of_turn(messages))
    return spoken + 1 >= settings().model_calls_per_turn


def _usable(message: BaseMessage, last: bool) -> AIMessage:
    """The message without what nobody can or should store, and without tool calls where none may follow."""
    raw = message.model_dump()
    cleaned = {key: _each_text(value, clean) for key, value in raw.items()}
    cleaned["tool_calls"] = _each_text(cleaned.get("tool_calls", []), mask)
    cleaned["content"] = _masked(cleaned["content"])
    if last:
        refusal = message.additional_kwargs.get("refusal")
        cleaned |= {"tool_calls": [], "additional_kwargs": {"refusal": refusal} if refusal else {}}
    if cleaned == raw and isinstance(message, AIMessage):
        return message
    return AIMessage.model_validate(cleaned)


def _masked(content: object) -> object:
    """The content with the words in it masked; other blocks, such as encrypted reasoning, have to stay as they are."""
    if not isinstance(content, list):
        return _each_text(content, mask)
    return [
        block | {"text": mask(str(block["text"]))} if isinstance(block, dict) and "text" in block else block
        for block in content
    ]


def _each_text(value: object, change: Callable[[str], str]) -> object:
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _each_text(item, change) for key, item in value.items()}
        case list():
            return [_each_text(item, change) for item in value]
        case _:
            return value
