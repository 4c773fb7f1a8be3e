"""What a model answered, as the history may keep it and the customer may read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage

from graph.calls import admitted
from graph.failures import JunkError
from graph.leaks import without_thoughts
from graph.masking import mask
from graph.transcript import clean


def usable(message: BaseMessage, history: Sequence[AnyMessage], *, last: bool) -> AIMessage:
    """The message without what nobody can or should store, and without tool calls where none may follow (``last``).

    JunkError for one that is not the model's.
    """
    if not isinstance(message, AIMessage):
        raise JunkError(type(message).__name__)
    raw = message.model_dump()
    cleaned = {key: _each_text(value, clean) for key, value in raw.items()}
    cleaned["tool_calls"] = _each_text(cleaned.get("tool_calls", []), mask)
    cleaned["content"] = _readable(cleaned["content"])
    if last:
        refusal = message.additional_kwargs.get("refusal")
        cleaned |= {"tool_calls": [], "additional_kwargs": {"refusal": refusal} if refusal else {}}
    return admitted(message if cleaned == raw else AIMessage.model_validate(cleaned), history)


def _readable(content: object) -> object:
    """The content without thoughts and masked; other blocks, such as encrypted reasoning, have to stay as they are."""
    if not isinstance(content, list):
        return _each_text(content, _said)
    return [
        block | {"text": _said(str(block["text"]))} if isinstance(block, dict) and "text" in block else block
        for block in content
    ]


def _said(text: str) -> str:
    return mask(without_thoughts(text))


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
