"""Changes of JSON values and of bytes that know their structure: the same seed makes the same cases.

`make test` tries few of them, `make fuzz` `FUZZ_CASES` (100,000); `FUZZ_SEED` chooses others.
"""

from __future__ import annotations

import copy
import json
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import psutil

# Values that programs trip over: empty, huge, negative, of another type, half a character, NUL, right to left.
ABSURD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 10**40, 1.5e308, "", "0", "null", "a\0b", "\ud800", "\u202e", "x" * 70_000,
    "9" * 400, "{}", "\n\r\t", "' OR 1=1 --", "{{7*7}}", "%s%n", "../../etc/passwd", [], {}, [[]], [None], {"": None},
)  # fmt: skip
DEEP = 60
FEW = 400
LOOKS = 10
GROWTH = 1.2  # of the memory, from the first half of the cases to the second


def cases() -> int:
    """Return how many cases are to be tried."""
    return int(os.environ.get("FUZZ_CASES", FEW))


def seed() -> int:
    """Return what the cases are made of."""
    return int(os.environ.get("FUZZ_SEED", "1"))


class Memory:
    """The memory of this process while so many cases are tried; it may not grow once everything has been used."""

    def __init__(self, count: int) -> None:
        self._every = max(1, count // LOOKS)
        self._megabytes: list[float] = []

    def look(self, number: int) -> None:
        """Look at the memory before a case, at ten of all cases."""
        if number % self._every == 0:
            self._megabytes.append(psutil.Process().memory_info().rss / 2**20)

    def check(self) -> None:
        """Check that it has not grown since the second look, and print what was seen.

        The least of each half counts: a look may meet a body of megabytes.
        """
        seen = " ".join(f"{one:.0f}" for one in self._megabytes)
        sys.stdout.write(f"megabytes of this process before each tenth of the cases: {seen}\n")
        half = len(self._megabytes) // 2
        assert min(self._megabytes[half:]) < GROWTH * min(self._megabytes[1:half]), seen


def mutated(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value with one to four changes, at places that it has."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 4)):
        places = [*_places(value)]
        if places:
            _change(*chance.choice(places), value, chance)
    return value


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with a few changes: flipped, cut off, repeated, or with others in between."""
    changed = bytearray(data or b"\0")
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1 if len(changed) > 8:
                del changed[place:]
            case 2:
                end = min(len(changed), place + chance.randint(1, 64))
                changed[place:place] = changed[place:end] * chance.randint(1, 20)
            case _:
                changed[place:place] = chance.randbytes(chance.randint(1, 16))
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def encoded(value: Any) -> bytes:
    """Return a JSON value as bytes, with lone surrogates as escapes."""
    return json.dumps(value).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container with each of its keys or indices, at any depth."""
    if not isinstance(value, dict | list):
        return
    for key in [*value] if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from _places(value[key])


def _change(container: Any, key: Any, whole: Any, chance: random.Random) -> None:
    old = container[key]
    match chance.randrange(8):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container[chance.choice(["", "type", "id", "from", "text", str(key) + "x"])] = old
        case 2 if isinstance(container, list):
            container[key:key] = [copy.deepcopy(old)] * chance.choice([1, 2, 50])
        case 3:
            container[key] = [old]
        case 4:
            container[key] = _deep(old)
        case 5:
            container[key] = copy.deepcopy(chance.choice([chance.choice([*_places(whole)])[0], old]))
        case 6 if isinstance(old, str) and old:
            container[key] = chance.choice([old * 300, old[: len(old) // 2], old[::-1], old + "\0", old.upper()])
        case _:
            container[key] = copy.deepcopy(chance.choice(ABSURD))


def _deep(value: Any) -> Any:
    for level in range(DEEP):
        value = [value] if level % 2 else {"text": value}
    return value
