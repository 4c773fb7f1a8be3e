"""Words as customers type them: without accents, in short forms."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path

_WORD = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*")
_LISTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
SHORT_FORMS: dict[str, str] = _LISTS["short_forms"]
COMMON = frozenset(_LISTS["common"])
WORDS_LIMIT = 40  # of one question


def plain(text: str) -> str:
    """Return the text in lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def words_of(text: str) -> list[str]:
    """Return the words of a text, plain."""
    return _WORD.findall(plain(text))


def written_out(question: str) -> str:
    """Return a question with short forms written out: "vcs tem nf?" becomes "vocês tem nota fiscal?"."""
    return re.sub(r"[^\W_]+", lambda found: SHORT_FORMS.get(plain(found[0]), found[0]), question)


def asked_words(question: str) -> list[str]:
    """Return the different words of a question that say something, short forms written out, in order.

    A question of nothing else keeps its common words.
    """
    words = list(dict.fromkeys(words_of(written_out(question))))
    return ([word for word in words if word not in COMMON] or words)[:WORDS_LIMIT]
