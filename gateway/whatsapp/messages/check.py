"""Checks of one value against one limit; each returns the value or raises InvalidMessage."""

from collections.abc import Sequence
from typing import TypeVar

from gateway.whatsapp.errors import InvalidMessage

S = TypeVar("S", bound=Sequence[object])


def filled(field: str, text: str | None, limit: int | None = None) -> str:
    """Refuse text that is missing, empty, white space only, or longer than `limit` characters."""
    if not text or not text.strip():
        raise InvalidMessage(field, "must not be empty.")
    return text if limit is None else fits(field, text, limit)


def fits(field: str, text: str, limit: int) -> str:
    """Refuse text longer than `limit` characters."""
    if len(text) > limit:
        problem = f"at most {limit} characters are allowed, here are {len(text)}."
        raise InvalidMessage(field, problem, limit=limit, length=len(text))
    return text


def at_most(field: str, elements: S, limit: int, *, least: int = 1) -> S:
    """Refuse fewer than `least` or more than `limit` elements."""
    if not least <= len(elements) <= limit:
        wanted = f"from {least} to {limit}" if least else f"at most {limit}"
        problem = f"{wanted} are allowed, here are {len(elements)}."
        raise InvalidMessage(field, problem, limit=limit, length=len(elements))
    return elements


def unique(field: str, values: Sequence[str]) -> None:
    """Refuse a value that comes twice."""
    if len(set(values)) < len(values):
        raise InvalidMessage(field, "must all be different.")


def address(field: str, url: str) -> str:
    """Refuse text that is not a web address."""
    if not url.lower().startswith(("https://", "http://")):
        raise InvalidMessage(field, "an address starts with https:// or http://.")
    return url


def within(field: str, number: float, limit: float) -> float:
    """Refuse a number outside -limit to limit (NaN included)."""
    if not -limit <= number <= limit:
        raise InvalidMessage(field, f"must be from {-limit:g} to {limit:g}.")
    return number
