"""What the gateway itself says to a customer: only where the agent has nothing that it could answer.

The sentences are in ``texts/``, a file for each language (``pt.toml``). Everything else that cannot be read reaches the
agent with its status, and the agent says so in its own words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "texts"
_DEFAULT_LANGUAGE = "en"


@cache
def _texts(locale: str) -> dict[str, Any]:
    """Return the sentences in the language of a locale (``pt``, ``pt_BR``, ``pt-PT``)."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    files = {path.stem: path for path in FOLDER.glob("*.toml")}
    return tomllib.loads(files.get(language, files[_DEFAULT_LANGUAGE]).read_text(encoding="utf-8"))


def apology(locale: str, *, person_called: bool = False) -> str:
    """Return what the customer reads when a turn is given up, and a person perhaps called instead."""
    return str(_texts(locale)["person_called" if person_called else "apology"])


def handoff_reason(locale: str) -> str:
    """Return what a person reads who is called because turn after turn failed."""
    return str(_texts(locale)["failures"])


def unreadable(inbound: Sequence[dict[str, Any]], locale: str) -> str | None:
    """Return what to say to messages of which none can be read; None where the agent can answer one of them.

    inbound: the run contract's items. A caption can be read, whatever became of its file.
    """
    problems = [_problem(item) for item in inbound]
    if not problems or None in problems:
        return None
    texts = _texts(locale)["unreadable"]
    return "\n".join(dict.fromkeys(texts[problem] for problem in problems if problem))


def _problem(item: dict[str, Any]) -> str | None:
    if item["kind"] == "unsupported":
        return "message"
    status = (item.get("media") or {}).get("status", "stored")
    if status == "stored" or item.get("text"):
        return None
    return status if status in ("too_large", "unsupported") else "failed"
