"""Courtesies: what a customer says when all is done. After a conversation was closed they open no new matter.

The words are in `courtesies/`, a file for each language. A message is a courtesy where nothing is left of it without
them: a question, a number or any other word makes it an ordinary message.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "courtesies"
_LONGEST = 120  # characters; a longer text says more than thanks
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\ufe0f\u200d]+")
_BETWEEN = re.compile(r"[\s.,;:!¡~…\-)(\"'’]+")
_REPEATED = re.compile(r"(.)\1{2,}")  # obrigadaaaa, okkk


@cache
def _phrases() -> re.Pattern[str]:
    """Return a pattern of one phrase of any language, the longest first."""
    phrases = {
        _plain(phrase) for path in FOLDER.glob("*.toml") for phrase in tomllib.loads(path.read_text("utf-8"))["phrases"]
    }
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in longest_first))


def is_courtesy(item: Mapping[str, Any]) -> bool:
    """Return whether a customer's message, the run contract's item, is a courtesy and nothing else."""
    if item["kind"] == "reaction":
        return True
    text = item.get("text") or ""
    if item["kind"] != "text" or not text.strip() or len(text) > _LONGEST:
        return False
    return not _phrases().sub("", _plain(_EMOJI.sub(" ", text))).strip()


def _plain(text: str) -> str:
    """Return a text in small letters, without accents, punctuation and repeated letters."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _REPEATED.sub(r"\1", _BETWEEN.sub(" ", bare)).strip()
