"""Chat models by name: the provider, its API, timeout and retries."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from graph.settings import Settings, settings

log = logging.getLogger(__name__)

OPENAI_HOST = "api.openai.com"


@lru_cache
def chat_model(name: str) -> BaseChatModel:
    """Return the model of that name (`provider:model`), made once; `openai:` uses OPENAI_BASE_URL if that is set.

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
    if host != OPENAI_HOST:  # other servers offer the older API, Chat Completions
        return {"api_key": key, "base_url": config.openai_base_url, "use_responses_api": False}
    # OpenAI's models since gpt-5.4 refuse tools on Chat Completions while they reason. Nothing is stored at OpenAI;
    # the earlier reasoning of the model is sent back to it encrypted.
    responses = {"use_responses_api": True, "store": False, "include": ["reasoning.encrypted_content"]}
    return {"api_key": key, "base_url": config.openai_base_url, **responses}
