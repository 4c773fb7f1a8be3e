"""Small helpers for Portuguese text."""

import unicodedata


def plain(text: str) -> str:
    """Lower case without accents, to compare with."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def shorten(text: str, limit: int) -> str:
    """The text on one line, cut at a word where it is longer than ``limit`` characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0] + "…"
