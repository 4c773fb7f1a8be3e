"""Which model answers, with which instructions, and within which bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage

from graph.context import Context
from graph.prompts import system_prompt
from graph.settings import Settings, settings
from graph.state import State
from graph.transcript import clean

log = logging.getLogger(__name__)

OPENAI_HOST = "api.openai.com"


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
    """Every model call: the run's model, its instructions, a bound in time, and no tools in a turn's last call.

    A call that fails fails the run, and the gateway tries the turn again: no text of an error ever becomes an answer.
    """

    state_schema = State

    async def awrap_model_call(
        self,
        request: ModelRequest[Context],
        handler: Callable[[ModelRequest[Context]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Make the call. Raises TimeoutError, or what the provider's client raises after its retries."""
        config = settings()
        context = request.runtime.context or Context()
        today = datetime.now(ZoneInfo(config.agent_timezone)).date()
        request = request.override(system_message=SystemMessage(system_prompt(context, today)))
        if context.model:
            request = request.override(model=chat_model(context.model))
        last = _calls_of_turn(request.messages) + 1 >= config.model_calls_per_turn
        async with asyncio.timeout(config.model_timeout_seconds):
            response = await handler(request.override(tools=[]) if last else request)
        return ModelResponse(result=[_usable(message, last) for message in response.result])


def _calls_of_turn(messages: Sequence[AnyMessage]) -> int:
    """How often the model has spoken since the customer did."""
    count = 0
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        count += isinstance(message, AIMessage)
    return count


def _usable(message: BaseMessage, last: bool) -> BaseMessage:
    """The message without characters that nobody can store, and without tool calls where none may follow."""
    raw = message.model_dump()
    cleaned = {key: _clean_json(value) for key, value in raw.items()}
    if last and isinstance(message, AIMessage):
        cleaned |= {"tool_calls": [], "additional_kwargs": {}}
    return message if cleaned == raw else type(message).model_validate(cleaned)


def _clean_json(value: object) -> object:
    match value:
        case str():
            return clean(value)
        case dict():
            return {key: _clean_json(item) for key, item in value.items()}
        case list():
            return [_clean_json(item) for item in value]
        case _:
            return value
