"""Helpers for Portuguese text."""

import unicodedata


def plain(text: str) -> str:
    """Return the text in lower case without accents, for comparisons."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def shorten(text: str, limit: int) -> str:
    """Return the text on one line, cut at a word where it is longer than `limit` characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0] + "…"
