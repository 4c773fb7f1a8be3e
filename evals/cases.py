"""The conversations and their checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from graph.model.guard import speaks_another_language

FOLDER = Path(__file__).parent / "cases"
ANSWER_LIMIT = 900  # characters of an answer, unless a case says otherwise


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Turn(_Strict):
    """A message of the customer, and the checks of the answer."""

    say: str
    calls: list[str] = Field(default_factory=list, description="tools that have to be called, in any order")
    calls_not: list[str] = Field(default_factory=list, description="tools that must not be called")
    contains: list[str] = Field(default_factory=list, description="facts: each has to be in the answer")
    any_of: list[str] = Field(default_factory=list, description="facts: one of them has to be in the answer")
    forbidden: list[str] = Field(default_factory=list, description="what must not be in the answer")
    handoff: bool = Field(False, description="whether a person is called")
    asks: bool = Field(False, description="whether the customer gets buttons or a list to tap on")
    length: int = Field(ANSWER_LIMIT, description="most characters of the answer")


class Case(_Strict):
    """One conversation; `stranger`: the customer is not in the business data."""

    name: str
    department: str = ""
    stranger: bool = False
    context: dict[str, Any] = Field(default_factory=dict)
    turn: list[Turn]


class TurnResult(_Strict):
    """The result of a turn: the words of the answer, the tools called, the types of the replies, the handoff."""

    text: str
    calls: list[str]
    types: list[str]
    handoff: bool


def load() -> list[Case]:
    """Return all cases; the file's name is the department. Raises ValidationError for an invalid case."""
    return [
        Case.model_validate({**case, "department": path.stem})
        for path in sorted(FOLDER.glob("*.toml"))
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
    ]


def faults(turn: Turn, got: TurnResult) -> list[str]:
    """Return the faults of an answer in words; an empty list for a good answer."""
    text = _plain(got.text)
    checks = {
        "the answer is empty": not got.text.strip() and "location" not in got.types,
        f"longer than {turn.length}: {len(got.text)}": len(got.text) > turn.length,
        "another language": speaks_another_language(got.text, "pt_BR"),
        f"handoff: {got.handoff}": turn.handoff != got.handoff,
        "nothing to tap on": turn.asks and not {"buttons", "list"} & set(got.types),
        f"none of {turn.any_of}": bool(turn.any_of) and not any(_plain(fact) in text for fact in turn.any_of),
    }
    checks |= {f"{name} was not called": name not in got.calls for name in turn.calls}
    checks |= {f"{name} was called": name in got.calls for name in turn.calls_not}
    checks |= {f"{fact!r} is missing": _plain(fact) not in text for fact in turn.contains}
    checks |= {f"{word!r} is forbidden": _plain(word) in text for word in turn.forbidden}
    return [fault for fault, wrong in checks.items() if wrong]


def _plain(text: str) -> str:
    return re.sub(r"[*_~`\s]+", " ", text.lower()).strip()
