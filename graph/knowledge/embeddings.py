"""Texts as vectors, by a server that is compatible with OpenAI's; without one the search has words alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import openai
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

from graph.settings import settings

QUESTION_SECONDS = 3  # bound of a question's vector: the search goes on with words alone
TEXTS_SECONDS = 30
TEXTS_AT_ONCE = 128
# The server is away, refuses, or answers with something else.
FAILURES = (openai.OpenAIError, TimeoutError, ValueError, TypeError, AttributeError)


class Embeddings(Protocol):
    """A model that turns texts into vectors; `model`: its name, because vectors of others cannot be compared."""

    model: str

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text. Raises one of FAILURES."""


@lru_cache
def embeddings() -> Embeddings | None:
    """Return the configured model; None without EMBEDDINGS_MODEL."""
    config = settings()
    if not config.embeddings_model:
        return None
    key = config.embeddings_key or config.openai_api_key
    return OpenAIEmbeddings(
        model=config.embeddings_model,
        openai_api_base=config.embeddings_url or config.openai_base_url,
        openai_api_key=key or SecretStr("missing"),
        chunk_size=TEXTS_AT_ONCE,
        max_retries=1,
        request_timeout=TEXTS_SECONDS,
        check_embedding_ctx_length=False,  # it would send OpenAI's tokens, which no other model understands
    )
