"""Decode and encode JSON from outside, including documents that stricter tools refuse.

Lone surrogates, numbers of any size and deep nesting are valid JSON, but orjson, Postgres and Python's recursion limit
each refuse some of it. The fast decoder is tried first, then a tolerant one. Integers over 64 bits, which no id of
Meta needs, may come out as floats.
"""

import json
from typing import Any

import orjson

#: An object of JSON, decoded.
Json = dict[str, Any]

# Python itself refuses to convert longer digit strings (sys.int_info.default_max_str_digits).
_LONGEST_INT = 4000


def decode(body: bytes) -> object:
    """Decode a JSON document; lone surrogates and huge numbers included.

    Raises:
        ValueError: The bytes are no JSON (or nested deeper than a thousand levels, which no webhook is).
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _decode_tolerantly(body)


def _decode_tolerantly(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8"), parse_int=_integer, parse_float=_number, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("The JSON document is nested too deeply.") from error


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INT else digits


def _number(text: str) -> float | str:
    number = float(text)
    # Infinity is no JSON value: the digits are kept instead, so that the raw form can be written again.
    return text if number in (float("inf"), float("-inf")) else number


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value.")


def encode(value: object) -> bytes:
    r"""Encode decoded JSON as UTF-8 bytes; never fails on what `decode` gave.

    Lone surrogates and NUL come out escaped (\ud800, \u0000), so the bytes are always valid UTF-8. Postgres refuses
    both inside jsonb: keep raw forms as bytea, json or text.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # surrogates, integers over 64 bits, more than 254 levels
        return _encode_tolerantly(value)


def canonical(value: object) -> bytes:
    """Encode decoded JSON so that equal values give equal bytes in any order of their keys."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _encode_tolerantly(value)


def _encode_tolerantly(value: object) -> bytes:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except RecursionError:
        return _encode_flat(value)


class _Literal(str):
    """Text that goes out as it is: the punctuation between values."""

    __slots__ = ()


def _encode_flat(value: object) -> bytes:
    """Encode with a stack of our own instead of Python's, for any depth."""
    parts: list[str] = []
    stack: list[object] = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, _Literal):
            parts.append(current)
        elif isinstance(current, dict | list) and current:
            stack.extend(reversed(_pieces(current)))
        else:
            parts.append(json.dumps(current))
    return "".join(parts).encode()


def _pieces(container: dict[str, object] | list[object]) -> list[object]:
    pieces: list[object] = []
    if isinstance(container, dict):
        for key in sorted(container):
            pieces += [_Literal(","), _Literal(json.dumps(key) + ":"), container[key]]
        return [_Literal("{"), *pieces[1:], _Literal("}")]
    for element in container:
        pieces += [_Literal(","), element]
    return [_Literal("["), *pieces[1:], _Literal("]")]
