"""Sanitize a model's answer, so that the history may keep it and the customer may read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage

from graph.history.tool_calls import admitted
from graph.history.transcript import clean
from graph.model.failures import InvalidAnswerError
from graph.model.leaks import without_thoughts
from graph.policy.masking import mask

LARGEST = 2**53 - 1  # the largest integer that all readers of JSON agree on; so many can be added within 64 bits


def bounded(number: int) -> int:
    """Return the integer, or the largest (smallest) one that is kept: a checkpoint cannot hold more than 64 bits."""
    return max(-LARGEST, min(number, LARGEST))


def sanitized(message: BaseMessage, history: Sequence[AnyMessage], *, last: bool, instructions: str = "") -> AIMessage:
    """Return the message without text that must not be stored, and without tool calls if none may follow (`last`).

    A number that the company itself gave, by a tool or in the instructions, is not masked, whatever it looks like.
    Raises InvalidAnswerError for a message of another kind.
    """
    if not isinstance(message, AIMessage):
        raise InvalidAnswerError(type(message).__name__)
    raw = message.model_dump()
    cleaned = {key: _storable(value) for key, value in raw.items()}
    hide = partial(mask, given=[instructions, *(one.text for one in history if isinstance(one, ToolMessage))])
    cleaned["tool_calls"] = _each_text(cleaned.get("tool_calls", []), hide)
    cleaned["content"] = _readable(cleaned["content"], lambda text: hide(without_thoughts(text)))
    if last:
        refusal = message.additional_kwargs.get("refusal")
        cleaned |= {"tool_calls": [], "additional_kwargs": {"refusal": refusal} if refusal else {}}
    return admitted(message if cleaned == raw else AIMessage.model_validate(cleaned), history)


def _storable(value: object) -> object:
    """Return a value with texts, keys and integers that a checkpoint can hold."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(key) if isinstance(key, str) else key: _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
        case int():
            return bounded(value)
        case _:
            return value


def _readable(content: object, change: Callable[[str], str]) -> object:
    """Return the content with its texts changed; other blocks, such as encrypted reasoning, stay as they are."""
    if not isinstance(content, list):
        return _each_text(content, change)
    return [
        block | {"text": change(str(block["text"]))} if isinstance(block, dict) and "text" in block else block
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
