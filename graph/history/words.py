"""The words of customers and files, changed so that they cannot forge what the model reads.

Notes of ours stand in brackets, each in one line; sections of the instructions begin with `#`. So brackets in other
words become parentheses, and words that follow a mark of ours, such as a name or an author, have no line breaks.
"""

from __future__ import annotations

VALUE_LIMIT = 1024  # characters of one value, as many as the body of a template

_BRACKETS = str.maketrans("[]", "()")


def clean(text: str) -> str:
    """Return the text without characters that databases or models refuse: no NUL, lone surrogates become U+FFFD."""
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain(text: str) -> str:
    """Return the customer's own words, in which nothing looks like a note."""
    return clean(text).translate(_BRACKETS).strip()


def one_line(text: str) -> str:
    """Return words as one line in which nothing looks like a note."""
    return " ".join(plain(text).split())


def quoted(text: str) -> str:
    """Return words of several lines as a quotation, a `>` before each line, in which nothing looks like a note."""
    return "\n".join(f"> {line}" for line in plain(text).splitlines())


def fenced(title: str, text: str, limit: int) -> str:
    """Return words between marks that they cannot contain, at most `limit` characters of them."""
    inside, name = plain(text), one_line(title)
    cut = "\n[o resto foi deixado de fora]" if len(inside) > limit else ""
    return f"[início: {name}]\n{inside[:limit]}\n[fim: {name}]{cut}"


def value(text: str) -> str:
    """Return a value for a note: one line of limited length, in which nothing looks like the end of the note."""
    line = one_line(text).replace('"', "'")
    return line if len(line) <= VALUE_LIMIT else f"{line[: VALUE_LIMIT - 1]}…"
