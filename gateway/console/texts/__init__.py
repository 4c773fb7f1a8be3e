"""All words of the pages: a folder for each language, a file for each room of the console.

`t("inbox.title")` is `title` of `inbox.toml`. A text with numbers has two forms: `{one = "…", other = "…"}`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = ("pt-BR", "en")
DEFAULT_LANGUAGE = "pt-BR"

Words = Callable[..., str]


def words(language: str) -> Words:
    """Return `t(key, **values)` of a language: the text of a key, values put in; `count` chooses its form.

    Raises KeyError for a text that is missing, or a value.
    """
    texts = every(language)

    def t(key: str, **values: object) -> str:
        form = "one" if values.get("count") in _ONES[language] else "other"
        text = texts[key] if key in texts else texts[f"{key}.{form}"]
        return text.format_map(values)

    return t


@cache
def every(language: str) -> Mapping[str, str]:
    """Return the texts of a language by key."""
    files = sorted((FOLDER / language).glob("*.toml"))
    return {
        key: text
        for file in files
        for key, text in _flat(file.stem, tomllib.loads(file.read_text(encoding="utf-8"))).items()
    }


def chosen(accept_language: str, own: str | None = None) -> str:
    """Return the language that a person chose, else the one that their browser asks for, else Portuguese."""
    if own in LANGUAGES:
        return own
    for tag in _wanted(accept_language):
        for language in LANGUAGES:
            if tag.partition("-")[0] == language.partition("-")[0].lower():
                return language
    return DEFAULT_LANGUAGE


_ONES: Mapping[str, tuple[int, ...]] = {"pt-BR": (0, 1), "en": (1,)}


def _wanted(accept_language: str) -> list[str]:
    """Return the tags of a header, the best first."""
    found = []
    for part in accept_language.lower().split(",")[:20]:
        tag, _, quality = part.partition(";q=")
        try:
            found.append((-float(quality or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(found, key=lambda one: one[0])]


def _flat(prefix: str, texts: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in texts.items():
        key = f"{prefix}.{name}"
        found |= _flat(key, value) if isinstance(value, dict) else {key: str(value)}
    return found
