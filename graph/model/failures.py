"""What a model raises where it does not answer, told apart: it refuses the request, or it fails; no answer is one too.

A refusal comes again however often the same request is made; all else may pass.
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
    """What came is no answer. The text is the kind of error: what the client says may quote a customer."""

    is_retryable = True


# What a model that cannot answer raises, after its own retries. OpenAI's client has statuses (402, 409, 422, …) that
# langchain gives no class of its own.
MODEL_FAILURES = (ModelError, APIError, TimeoutError)
# What clients raise over a body that is no answer: without choices, with an error in it, HTML, cut JSON, odd types
# (langchain-openai 1.7, both APIs; JSONDecodeError and pydantic's ValidationError are ValueErrors).
JUNK = (ValueError, TypeError, LookupError, AttributeError)


async def answer_within(asked: Awaitable[T], seconds: float) -> T:
    """What a call of a model gives, within these seconds. Raises one of MODEL_FAILURES."""
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except JUNK as error:
        raise InvalidAnswerError(type(error).__name__) from None


def is_refusal(error: BaseException) -> bool:
    """Whether the provider will refuse the same request again."""
    if isinstance(error, ModelInvalidRequestError | ContextOverflowError):
        return True
    return isinstance(error, APIStatusError) and error.status_code in REFUSING


def may_succeed_reduced(error: BaseException) -> bool:
    """Whether another request may succeed, with less in it. 404: no such model, or (OpenRouter) none that can see."""
    return is_refusal(error) or isinstance(error, ModelNotFoundError)
