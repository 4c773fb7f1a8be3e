"""The texts that shape the agent, in files that anyone can edit.

`persona.md` (the agent's character; a channel may replace it), `rules.md` (rules for every answer),
`knowledge.md` (rules for what the company has written down), `danger.toml` (signs with a fixed answer),
`departments/*.md` (settings between `+++`, then the instructions), `summary.md`, `texts.toml` (texts that are
sent without a model), `stores.toml`, `yes_no.toml`. In Markdown files the code replaces `$name` by a value; an
unknown name is an error at start.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = {"pt": "português do Brasil", "en": "inglês", "es": "espanhol"}


def language(locale: str) -> str:
    """Return the Portuguese name of a locale's language, for the instructions, which are in Portuguese."""
    return LANGUAGES.get(locale[:2].lower(), locale)


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()


def _department(path: Path) -> tuple[str, Mapping[str, Any], str]:
    """Return name, settings and instructions of a department's file. Raises ValueError if the settings are missing."""
    try:
        _, head, body = path.read_text(encoding="utf-8").split("+++", 2)
    except ValueError as error:
        raise ValueError(f"{path.name} has to begin with its settings between two lines of +++.") from error
    return path.stem, tomllib.loads(head), body.strip()


PERSONA = _text("persona.md")
KNOWLEDGE = _text("knowledge.md")
DANGER: dict[str, Any] = tomllib.loads(_text("danger.toml"))
RULES = Template(_text("rules.md"))
SUMMARY = Template(_text("summary.md"))
TEXTS: dict[str, str] = tomllib.loads(_text("texts.toml"))
YES_NO = {name: frozenset(words) for name, words in tomllib.loads(_text("yes_no.toml")).items()}
STORES: list[dict[str, Any]] = tomllib.loads(_text("stores.toml"))["store"]
DEPARTMENTS = [_department(path) for path in sorted((FOLDER / "departments").glob("*.md"))]

RULES.substitute(language="")  # fail at start, not at the first message
SUMMARY.substitute(language="")
