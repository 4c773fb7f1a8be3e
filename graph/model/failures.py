"""The errors of a model that does not answer, classified: it refuses the request, it fails, or its answer is invalid.

A refusal is repeated whenever the same request is made; any other error may be temporary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from langchain_core.exceptions import ContextOverflowError, ModelError, ModelInvalidRequestError, ModelNotFoundError
from openai import APIError, APIStatusError

T = TypeVar("T")

REFUSING = frozenset({400, 413, 415, 422})


class InvalidAnswerError(ModelError):
    """The response is not an answer. The text names the class of error only: its message may quote a customer."""

    is_retryable = True


# The errors of a model that cannot answer, after its own retries. OpenAI's client has statuses (402, 409, 422, …) for
# which langchain has no class.
MODEL_FAILURES = (ModelError, APIError, TimeoutError)
# The errors of clients for a body that is not an answer: no choices, an error in it, HTML, cut JSON, wrong types
# (langchain-openai 1.7, both APIs; JSONDecodeError and pydantic's ValidationError are ValueErrors).
JUNK = (ValueError, TypeError, LookupError, AttributeError)


async def answer_within(asked: Awaitable[T], seconds: float) -> T:
    """Return the answer of a model call within these seconds. Raises one of MODEL_FAILURES."""
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except JUNK as error:
        raise InvalidAnswerError(type(error).__name__) from None


def is_refusal(error: BaseException) -> bool:
    """Return whether the provider will refuse the same request again."""
    if isinstance(error, ModelInvalidRequestError | ContextOverflowError):
        return True
    return isinstance(error, APIStatusError) and error.status_code in REFUSING


def may_succeed_reduced(error: BaseException) -> bool:
    """Return whether a request with less in it may succeed. 404: unknown model, or (OpenRouter) none with vision."""
    return is_refusal(error) or isinstance(error, ModelNotFoundError)
