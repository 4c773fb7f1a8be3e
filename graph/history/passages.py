"""The passages of knowledge that a turn was given, the numbers by which its answer names them, and their end."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from langchain_core.messages import AnyMessage, ToolMessage
from typing_extensions import TypedDict

log = logging.getLogger(__name__)

SEARCH_TOOL = "search_knowledge"
# A passage may be taken back between two turns, so that each turn has to search for itself.
OUTDATED = "Os trechos desta busca já não valem: procure de novo antes de responder."
_MARK = re.compile(r"[ \t]*[\[【]\s*(\d{1,3}(?:\s*[,;e]\s*\d{1,3})*)\s*[\]】]")


class Given(TypedDict):
    """A passage that a run was given under a number; `source`, `version`: where it is from."""

    number: int
    id: int
    source: str
    version: int
    title: str
    link: str | None


def given_passages(messages: Sequence[AnyMessage]) -> list[Given]:
    """Return the passages that these messages gave to the model."""
    return [one for message in messages if isinstance(message, ToolMessage) for one in passages_of(message)]


def passages_of(message: ToolMessage) -> list[Given]:
    """Return the passages of a tool's result; none of another tool."""
    return message.artifact or [] if message.name == SEARCH_TOOL else []


def cited(text: str, given: Sequence[Given]) -> tuple[str, list[Given]]:
    """Return an answer without its numbers, and the passages that it names; numbers that were not given do not count.

    The text stays as it is if nothing was given: brackets mean something else then.
    """
    if not given:
        return text, []
    named = {int(number) for mark in _MARK.findall(text) for number in re.findall(r"\d+", mark)}
    if strangers := named - {one["number"] for one in given}:
        log.warning("an answer named %d passages that it was not given", len(strangers))
    return _MARK.sub("", text), [one for one in given if one["number"] in named]


def without_passages(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the history of earlier turns without their passages; messages that have none are the same."""
    return [_outdated(message) if isinstance(message, ToolMessage) else message for message in messages]


def _outdated(message: ToolMessage) -> ToolMessage:
    if not passages_of(message):
        return message
    return message.model_copy(update={"content": OUTDATED, "artifact": None})
