"""The page of an export that a person can read: plain HTML in Portuguese, without scripts, that opens offline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

_TEMPLATE = Path(__file__).with_name("export_page.html")
_AUTHORS = {"customer": "Cliente", "agent": "Assistente", "person": "Atendente", "app": "Atendente (celular)",
            "gateway": "Sistema"}  # fmt: skip
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATE.parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)  # fmt: skip


class Page:
    """The page about one person. found: all that is not a message; messages are added in their order."""

    def __init__(self, found: Mapping[str, Any], at: datetime) -> None:
        self._found = found
        self._at = at
        self._messages: list[dict[str, Any]] = []

    def add(self, messages: list[dict[str, Any]], files: Mapping[str, str]) -> None:
        """Add messages. files: the names in the archive of the files that are kept, by the ids of their media."""
        self._messages += [_shown(one, files) for one in messages]

    def parts(self, not_reached: Mapping[str, str]) -> Iterator[str]:
        """Yield the page in parts."""
        template = _ENVIRONMENT.get_template(_TEMPLATE.name)
        return template.generate(
            found=self._found, messages=self._messages, at=_time(self._at.isoformat()), not_reached=not_reached,
            time=_time, plain=_plain,
        )  # fmt: skip


def _shown(message: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    content = message["content"]
    return {
        "at": _time(message["sent_at"] or message["created_at"]),
        "author": _AUTHORS.get(message["author"], message["author"]),
        "mine": message["direction"] == "in",
        "type": message["type"],
        "text": content.get("text") or content.get("body") or content.get("caption"),
        "rest": None if content.get("text") and message["type"] == "text" else _plain(_without_texts(content)),
        "revoked": message["revoked_at"] is not None,
        "transcripts": [one["transcript"] for one in message["media"] or [] if one["transcript"]],
        "files": [(files[one["id"]], one["kind"]) for one in message["media"] or [] if one["id"] in files],
    }


def _without_texts(content: Mapping[str, Any]) -> dict[str, Any]:
    hidden = ("id", "kind", "type", "text", "body", "caption", "timestamp", "verbatim", "context")
    return {name: value for name, value in content.items() if value and name not in hidden}


def _plain(value: object) -> str:
    """Return JSON that a person can read; empty for nothing."""
    return json.dumps(value, ensure_ascii=False, indent=1) if value else ""


def _time(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%d/%m/%Y %H:%M") if text else ""
