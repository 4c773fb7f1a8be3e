"""Runs of text with their marks, from the tokens that markdown-it reads within a line; models mix simple HTML in."""

import re
from collections import Counter
from collections.abc import Sequence

from markdown_it.token import Token

from gateway.whatsapp.messages.marks import BOLD, CODE, ITALIC, STRIKE, Run, plain

_TAG = re.compile(r"^<(?P<end>/?)\s*(?P<name>[A-Za-z][A-Za-z0-9]*)(?P<rest>[^>]*)>$")
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
# Stars that CommonMark leaves alone for the punctuation inside them ("**Preço:**R$ 10"), though bold was meant.
_LEFT_ALONE = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*\n]+)\*\*|\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*(?![\w*])")
_TAG_MARKS = {
    "b": BOLD, "strong": BOLD, "i": ITALIC, "em": ITALIC, "s": STRIKE, "del": STRIKE, "strike": STRIKE, "code": CODE,
}  # fmt: skip
_NEW_LINE = frozenset({"br", "p", "div", "ul", "ol", "tr", "hr", "h1", "h2", "h3", "h4", "h5", "h6"})
_WITHOUT_FORM = frozenset({"span", "u", "font", "small", "big", "sup", "sub", "table", "tbody", "thead", "td", "th"})


def runs_of(tokens: Sequence[Token], *, single_star_is_bold: bool) -> list[Run]:
    """Return the runs of a line's tokens. single_star_is_bold: a single pair of stars is bold, as in WhatsApp."""
    reader = _Reader(BOLD if single_star_is_bold else ITALIC)
    for index, token in enumerate(tokens):
        reader.read(token, tokens[index + 1].content[:1] if index + 1 < len(tokens) else "")
    return reader.runs


class _Reader:
    """Collects runs; knows which marks and links are open."""

    def __init__(self, single_star: str) -> None:
        self.runs: list[Run] = []
        self._mark_of = {"*": single_star, "_": ITALIC, "**": BOLD, "__": BOLD}
        self._open: Counter[str] = Counter()
        self._literal: list[bool] = []  # of each open pair of stars: whether stars are meant
        self._links: list[tuple[int, str]] = []

    def read(self, token: Token, following: str) -> None:  # noqa: C901  # a table
        """Add one token; following: the first character of the next one."""
        match token.type:
            case "softbreak" | "hardbreak":
                self._add("\n")
            case "code_inline":
                self._add(token.content, CODE)
            case "strong_open" | "strong_close" | "em_open" | "em_close":
                self._emphasis(token, following)
            case "s_open" | "s_close":
                self._open[STRIKE] += token.nesting
            case "link_open":
                self._links.append((len(self.runs), str(token.attrs["href"])))
            case "link_close":
                self._link()
            case "image":
                self._links.append((len(self.runs), str(token.attrs["src"])))
                self._add(token.content)
                self._link()
            case "html_inline":
                self._tag(token.content)
            case _:
                self._words(token.content)

    def _words(self, text: str) -> None:
        end = 0
        for match in _LEFT_ALONE.finditer(text):
            self._add(text[end : match.start()])
            self._add(match[1] or match[2], BOLD)
            end = match.end()
        self._add(text[end:])

    def _add(self, text: str, *marks: str) -> None:
        if text:
            self.runs.append(Run(text, frozenset(mark for mark, count in self._open.items() if count > 0) | {*marks}))

    def _emphasis(self, token: Token, following: str) -> None:
        """Open or close a mark; stars within a word or between digits (2*3*4, 2**3) stay stars, as on a phone."""
        if token.nesting > 0:
            before = self.runs[-1].text[-1] if self.runs else ""
            inside = str.isdigit if token.markup == "**" else str.isalnum
            self._literal.append("*" in token.markup and inside(before) and inside(following))
        if self._literal[-1] if token.nesting > 0 else self._literal.pop():
            self._add(token.markup)
        else:
            self._open[self._mark_of[token.markup]] += token.nesting

    def _link(self) -> None:
        start, address = self._links.pop()
        shown = re.sub(r"^(mailto|tel):", "", address)
        words = plain(self.runs[start:]).strip()
        if words in ("", address, shown):
            del self.runs[start:]
            self._add(shown)
        elif shown:
            self._add(f" ({shown})")

    def _tag(self, html: str) -> None:
        tag = _TAG.match(html)
        name = tag["name"].lower() if tag else ""
        if tag is None:  # a comment
            self._add("" if html.startswith("<!--") else html)
        elif name in _TAG_MARKS:
            mark = _TAG_MARKS[name]
            self._open[mark] = max(0, self._open[mark] + (-1 if tag["end"] else 1))
        elif name == "a":
            self._anchor(tag)
        elif name in _NEW_LINE or name == "li":
            self._new_line("- " if name == "li" and not tag["end"] else "")
        elif name not in _WITHOUT_FORM:
            self._add(html)

    def _anchor(self, tag: re.Match[str]) -> None:
        if tag["end"] and self._links:
            self._link()
        elif not tag["end"]:
            found = _HREF.search(tag["rest"])
            self._links.append((len(self.runs), found[1] if found else ""))

    def _new_line(self, start: str) -> None:
        if self.runs and not self.runs[-1].text.endswith("\n"):
            self._add("\n")
        self._add(start)
