"""Mask sensitive numbers before anything is stored: payment cards and the Brazilian CPF (`sensitive_numbers`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph.policy.sensitive_numbers import find_sensitive

SPLIT = "[parte de um número]"  # instead of the digits of a number that goes on in the next message


def mask(text: str, given: Sequence[str] = ()) -> str:
    """Return the text with card numbers and CPFs masked except their last digits; those in the `given` texts stay."""
    if not (found := find_sensitive(text)):
        return text
    known = {one.digits for source in given for one in find_sensitive(source)}
    for one in reversed(found):
        if one.digits not in known:
            text = text[: one.start] + one.replacement + text[one.end :]
    return text


def mask_together(texts: Sequence[str]) -> list[str]:
    """Return consecutive messages masked, also numbers that one message begins and the next one continues."""
    masked = [mask(text) for text in texts]
    joined = "\n".join(masked)
    starts = [sum(len(text) + 1 for text in masked[:place]) for place in range(len(masked))]
    for found in reversed(find_sensitive(joined)):
        parts = [n for n, text in enumerate(masked) if found.start < starts[n] + len(text) and starts[n] < found.end]
        for n in parts:
            first, last = max(found.start - starts[n], 0), max(found.end - starts[n], 0)
            masked[n] = masked[n][:first] + (found.replacement if n == parts[-1] else SPLIT) + masked[n][last:]
    return masked


def mask_values(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a JSON value with all strings and whole numbers masked; ids (`id`, `…_id`) stay as they are."""
    match value:
        case str():
            return mask(value)
        case int() if mask(str(value)) != str(value):
            return mask(str(value))
        case dict():
            return {
                key: item if key == "id" or key.endswith("_id") else mask_values(item) for key, item in value.items()
            }
        case list():
            return _each_text_together([mask_values(item) for item in value])
        case _:
            return value


def _each_text_together(values: list[Any]) -> list[Any]:
    """Return the messages of a list with their texts masked together; other lists as they are."""
    if not all(isinstance(one, dict) and isinstance(one.get("text"), str | None) for one in values):
        return values
    masked = mask_together([one.get("text") or "" for one in values])
    return [one | {"text": text} if one.get("text") else one for one, text in zip(values, masked, strict=True)]
