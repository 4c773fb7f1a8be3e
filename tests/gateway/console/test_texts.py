"""All words are there in every language, and every key that a page or a module names exists."""

import re
import string
from pathlib import Path

import pytest

from gateway.console import texts

CONSOLE = Path(texts.__file__).parents[1]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_language_has_the_same_keys_with_the_same_values_put_in() -> None:
    first, *others = (texts.every(language) for language in texts.LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        assert {key: placeholders(first[key]) for key in first} == {key: placeholders(other[key]) for key in first}


def named() -> set[str]:
    found: set[str] = set()
    for path in CONSOLE.rglob("*.html"):
        found |= set(re.findall(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""", path.read_text()))
    for path in CONSOLE.rglob("*.py"):
        found |= set(re.findall(r'"((?:access|admin|errors|base)\.[\w.]+)"', path.read_text()))
    return found


@pytest.mark.parametrize("key", sorted(named()))
def test_a_key_that_is_named_exists(key) -> None:
    for language in texts.LANGUAGES:
        every = texts.every(language)
        assert key in every or f"{key}.other" in every
