"""Log lines without the words of exceptions, which may quote a customer's text, a number or a token.

The programs never import each other, so each has this module; a test compares the copies.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

_FRAMES_LIMIT = 4  # of each exception's traceback
_SHORTEST_WORDS = 4  # characters: less tells nothing, and stands in many lines
# LangGraph Server writes an exception into its line as `{type(error)}({error})`.
_CLASS_AND_WORDS = re.compile(r"(<class '[\w.]+'>)\(.*", re.DOTALL)


def shape_of_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401  # structlog's
    """Return a log line in which an exception is described by its classes and places in code."""
    info = event.pop("exc_info", None)
    event.pop("exception", None)  # a text that somebody made of one
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else sys.exc_info()[1]
    chain = list(_chain(error))
    event["event"] = _without_words(str(event.get("event", "")), chain)
    if info and chain:
        event["raised"] = " <- ".join(map(_shape, chain))
    return event


def _without_words(line: str, errors: list[BaseException]) -> str:
    line = _CLASS_AND_WORDS.sub(r"\1", line)
    for error in errors:
        for words in (repr(error), str(error)):
            line = line.replace(words, type(error).__qualname__) if len(words) >= _SHORTEST_WORDS else line
    return line


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _shape(error: BaseException) -> str:
    """Return the class of an exception and its last places in code."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LIMIT:]
    places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__qualname__} ({places})"
