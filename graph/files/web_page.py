"""The text of a web page as Markdown: headings, paragraphs, lists, rows of tables; without menus, forms and scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from graph.files import plain_text

DROPPED = frozenset(
    ["script", "style", "noscript", "template", "svg", "nav", "footer", "aside", "form", "iframe", "button", "select"]
)
MAIN = frozenset(["main", "article"])
HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
INLINE = frozenset(
    ["a", "abbr", "b", "bdi", "cite", "code", "data", "del", "em", "font", "i", "img", "ins", "kbd", "mark", "q", "s",
     "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"]
)  # fmt: skip
CELLS = frozenset(["td", "th"])
WITHIN_ROWS = frozenset(["div", "p"])
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})""", re.IGNORECASE)
_CHARSET_OF_TYPE = re.compile(r"""charset\s*=\s*["']?([\w-]{1,40})""", re.IGNORECASE)


@dataclass
class Page:
    """The title of a web page and its text."""

    title: str
    text: str


def read(content: bytes, mime_type: str) -> Page:
    """Return a page: its main part where it marks one."""
    parser = _Blocks()
    parser.feed(_decoded(content, mime_type))
    parser.close()
    parser.end_block()
    blocks = parser.main if any(parser.main) else parser.blocks
    return Page(" ".join(parser.title.split()), "\n\n".join(blocks))


def _decoded(content: bytes, mime_type: str) -> str:
    stated = _CHARSET_OF_TYPE.search(mime_type)
    written = _CHARSET.search(content[:2048])
    name = stated[1] if stated else written[1].decode() if written else ""
    try:
        return content.decode(name or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return plain_text.text(content, len(content))


class _Blocks(HTMLParser):
    """Collects a page's blocks, and those of its main part once more."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.blocks: list[str] = []
        self.main: list[str] = []
        self._now: list[str] = []  # of the current block
        self._mark = ""  # before the current block
        self._dropped = self._in_main = self._in_row = 0  # open elements
        self._in_title = False

    def handle_starttag(self, tag: str, _: object) -> None:
        """Begin an element."""
        if tag in DROPPED:
            self._dropped += 1
        elif tag == "br":
            self._now.append("\n")
        elif tag == "title":
            self._in_title = not self.title
        elif self._in_row and tag in WITHIN_ROWS:
            self._now.append(" ")
        elif tag not in INLINE and tag not in CELLS:
            kept = "" if self.end_block() else self._mark  # of a <li> around a <p>
            self._in_main += tag in MAIN
            self._in_row += tag == "tr"
            self._mark = HEADINGS.get(tag, "- " if tag == "li" else kept)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag in DROPPED:
            self._dropped = max(0, self._dropped - 1)
        elif tag == "title":
            self._in_title = False
        elif tag in CELLS:
            self._now.append(" | ")
        elif tag not in INLINE and not (self._in_row and tag in WITHIN_ROWS):
            self.end_block()
            self._mark = ""
            self._in_main = max(0, self._in_main - (tag in MAIN))
            self._in_row = max(0, self._in_row - (tag == "tr"))

    def handle_data(self, data: str) -> None:
        """Add text of the current element."""
        if self._in_title:
            self.title += data
        elif not self._dropped:
            self._now.append(re.sub(r"\s+", " ", data))

    def end_block(self) -> bool:
        """End the current block, and return whether it has text."""
        lines = [" ".join(line.split()).strip(" |") for line in "".join(self._now).split("\n")]
        text = "\n".join(line for line in lines if line)
        if text:
            self.blocks.append(self._mark + text)
            if self._in_main:
                self.main.append(self._mark + text)
        self._now.clear()
        return bool(text)
