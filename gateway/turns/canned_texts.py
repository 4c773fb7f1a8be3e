"""The gateway's own sentences to a customer, for messages that the agent cannot answer.

The sentences are in `texts/`, a file for each language (`pt.toml`). Where one message of a turn can be read, the
agent gets all of them, the unreadable ones with their status, and says so in its own words.
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
    """Return the sentences in the language of a locale (`pt`, `pt_BR`, `pt-PT`)."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    files = {path.stem: path for path in FOLDER.glob("*.toml")}
    return tomllib.loads(files.get(language, files[_DEFAULT_LANGUAGE]).read_text(encoding="utf-8"))


def apology(locale: str, *, person_called: bool = False) -> str:
    """Return the apology for a turn that was given up; person_called: it says that a person will answer."""
    return str(_texts(locale)["person_called" if person_called else "apology"])


def handoff_reason(locale: str) -> str:
    """Return the reason that a person reads who is called because several turns in a row failed."""
    return str(_texts(locale)["failures"])


def limited(locale: str) -> str:
    """Return what customers read, once a day, whose turns or tokens of a day are used up: a person was called."""
    return str(_texts(locale)["limited"])


def limit_reason(locale: str) -> str:
    """Return the reason that a person reads who is called because of such an allowance."""
    return str(_texts(locale)["limit"])


def erased(locale: str, kept: Sequence[str], apart: bool) -> str:
    """Return what a person reads whose data were erased; kept: by the company; apart: it erases its own by itself."""
    texts = _texts(locale)["erased"]
    told = [texts["done"], texts["kept"].format(kept=", ".join(kept)) if kept else "", texts["apart"] if apart else ""]
    return " ".join(filter(None, [*told, texts["again"]]))


def unreadable(inbound: Sequence[dict[str, Any]], locale: str) -> str | None:
    """Return the answer to messages of which none can be read; None where the agent can answer one of them.

    inbound: the run contract's items. A caption can be read even where its file cannot.
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
