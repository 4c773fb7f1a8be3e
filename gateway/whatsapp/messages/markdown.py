"""Markdown, as models write it, in WhatsApp's formatting: *bold*, _italic_, ~strike~, `code`, lists and quotes.

CommonMark is read by markdown-it. Forms that WhatsApp does not have become text: a heading is a bold line, a link is
its words and address, a table is a list of rows. No letter or digit is lost: text next to a fence and a cell without a
column, which CommonMark would drop, are kept as text. Where nothing but single stars
mark the text, it is taken for WhatsApp's own formatting.
"""

import re
import sys
from collections.abc import Iterator, Sequence, Set
from functools import cache
from itertools import zip_longest

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gateway.whatsapp.messages.fences import is_language, normalised
from gateway.whatsapp.messages.inline_markdown import runs_of
from gateway.whatsapp.messages.marks import BOLD, Run, marked, plain
from gateway.whatsapp.text import clean_text

_TASK = re.compile(r"^\[([ xX])\]\s+(?=\S)")
_TABLE_LINE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_CELL_END = re.compile(r"(?<!\\)\|")
_ADDRESS = re.compile(
    r"<(?P<bare>https?://[^\s<>]+)>"
    r"|(?P<plain>https?://(?:\([^\s<>*()\[\]`]*\)|[^\s<>*()\[\]`])*(?:\([^\s<>*()\[\]`]*\)|[^\s<>*()\[\]_~.,;:!?}\"'`]))"
    r"|(?P<own>[\U000F0000-\U000FFFFD])",
    re.IGNORECASE,
)
_KEPT = re.compile("[\U000f0000-\U000ffffd]")
_FIRST_KEPT = 0xF0000  # private use: no keyboard and no font has them
_KEPT_AT_MOST = 0xFFFD  # more would be more than a message holds
_PLAINLY_MARKDOWN = frozenset({"strong_open", "heading_open", "link_open", "image", "s_open", "html_inline"})


@cache
def _parser() -> MarkdownIt:
    """Return the parser: CommonMark with ~~strike~~; nothing that is indented is code, nothing defines a reference."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("strikethrough")
    parser.disable(["code", "reference", "html_block"])
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # called by name
    return parser


def to_whatsapp(markdown: str) -> str:
    """Return Markdown in WhatsApp's formatting; text without Markdown stays as it is."""
    text, kept = _put_aside("\n".join(normalised(_tidy(markdown).split("\n"))))
    tokens = _parser().parse(text)
    return _restored(_Page(tokens).written(), kept).strip("\n")


def to_plain(markdown: str) -> str:
    """Return text without inline Markdown, for titles, headers and footers, which WhatsApp shows unformatted."""
    text, kept = _put_aside(_tidy(markdown))
    return _restored(plain(runs_of(_inline_tokens(text), single_star_is_bold=False)), kept)


def _tidy(markdown: str) -> str:
    return clean_text(markdown).replace("\r\n", "\n").replace("\r", "\n")


def _put_aside(text: str) -> tuple[str, list[str]]:
    """Replace each address by one character, equal ones by the same: nothing in an address is Markdown."""
    kept: dict[str, int] = {}

    def keep(match: re.Match[str]) -> str:
        if len(kept) >= _KEPT_AT_MOST:
            return match[0]
        return chr(_FIRST_KEPT + kept.setdefault(match["bare"] or match[0], len(kept)))

    return _ADDRESS.sub(keep, text), [*kept]


def _restored(text: str, kept: Sequence[str]) -> str:
    return _KEPT.sub(lambda match: kept[ord(match[0]) - _FIRST_KEPT], text)


def _inline_tokens(text: str) -> Sequence[Token]:
    return _parser().parseInline(text)[0].children or []


class _Page:
    """The blocks of a text, written one below the other with the empty lines that were between them."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._lines: list[str] = []
        self._end = 0  # the source line after the last block
        self._markers: list[str] = []  # of the list items that we are in; used up by an item's first line
        self._items: list[Token] = []
        self._quotes = 0
        every = (one.type for token in tokens for one in (token, *(token.children or ())))
        self._single_star_is_bold = _PLAINLY_MARKDOWN.isdisjoint(every)

    def written(self) -> str:
        """Return the text."""
        for index, token in enumerate(self._tokens):
            match token.type:
                case "list_item_open":
                    self._markers.append(f"{token.info}{token.markup}" if token.info else "-")
                    self._items.append(token)
                case "list_item_close":
                    self._end_item()
                case "blockquote_open" | "blockquote_close":
                    self._quotes += token.nesting
                case "inline":
                    self._text(token, self._tokens[index - 1])
                case "fence":
                    # In a quote or an item words may still stand next to the fence.
                    beside = [] if is_language(token.info) else _code_lines(token.info)
                    self._add(token.map, ["```", *beside, *_code_lines(token.content), "```"])
                case "hr":
                    self._rule()
        return "\n".join(self._lines)

    def _end_item(self) -> None:
        start, _ = self._items.pop().map or (self._end, 0)
        if self._markers[-1]:  # nothing was in it
            self._add([start, start + 1], [self._prefix().rstrip()])
        self._markers.pop()

    def _text(self, token: Token, opening: Token) -> None:
        if opening.type == "heading_open" and opening.markup != "-":
            self._heading(token, opening)
            return
        self._add(opening.map, [self._prefix() + line for line in self._paragraph(token)])
        if opening.type == "heading_open":  # dashes below a line: a rule is what models mean by them
            self._rule()

    def _heading(self, token: Token, opening: Token) -> None:
        words = plain(runs_of(token.children or [], single_star_is_bold=False)).strip()
        if words:
            self._add(opening.map, [self._prefix() + marked([Run(words, frozenset(BOLD))])])

    def _paragraph(self, token: Token) -> Iterator[str]:
        """Return the lines of a paragraph; where it has a line of dashes below a header, it is a table."""
        lines = token.content.split("\n")
        start = next((n for n in range(len(lines) - 1) if _is_table(lines[n], lines[n + 1])), None)
        if start is None:
            yield from self._formatted(token.children or []).split("\n")
            return
        end = next((n for n in range(start + 2, len(lines)) if "|" not in lines[n]), len(lines))
        rows = _rows(lines[start], lines[start + 2 : end])
        for line in [*lines[:start], *rows, *lines[end:]]:
            yield self._formatted(_inline_tokens(line))

    def _formatted(self, children: Sequence[Token]) -> str:
        text = marked(runs_of(children, single_star_is_bold=self._single_star_is_bold))
        if self._markers and self._markers[-1] == "-":
            text = _TASK.sub(lambda m: "☐ " if m[1] == " " else "☑ ", text)
        return text

    def _add(self, source: Sequence[int] | None, lines: Sequence[str]) -> None:
        """Add a block's lines; source: its first line, and the one after its last."""
        start, end = source or (self._end, self._end)
        self._lines += [""] * (start - self._end if self._lines else 0)
        self._lines += lines
        self._end = end

    def _prefix(self) -> str:
        """Return what stands before a line: the quote's mark, and the marker of an item on its first line."""
        quote = "> " if self._quotes else ""
        outer = "".join(f"{marker} " if marker else "  " for marker in self._markers[:-1])
        own = f"{self._markers[-1]} " if self._markers and self._markers[-1] else ""
        self._markers = [""] * len(self._markers)
        return quote + outer + own

    def _rule(self) -> None:
        """Write a rule as one empty line, however many empty lines are around it."""
        while self._lines and not self._lines[-1].strip():
            self._lines.pop()
        if self._lines:
            self._lines.append("")
        self._end = sys.maxsize


def _is_table(header: str, below: str) -> bool:
    return "|" in header and "|" in below and _TABLE_LINE.match(below) is not None


def _rows(header: str, lines: Sequence[str]) -> list[str]:
    """Return each row as `- header: cell; header: cell`; a column without any cell is named in the first row."""
    names = _cells(header)
    rows = [_cells(line) for line in lines]
    if not rows:
        return [", ".join(names)]
    empty = {n for n in range(len(names)) if not any(row[n:] and row[n] for row in rows)}
    written = (_row(names, row, empty if index == 0 else frozenset()) for index, row in enumerate(rows))
    return [row for row in written if row]


def _row(names: Sequence[str], row: Sequence[str], named_anyway: Set[int]) -> str:
    pairs = enumerate(zip_longest(names, row, fillvalue=""))
    cells = (f"{name}: {cell}" if name else cell for n, (name, cell) in pairs if cell or (name and n in named_anyway))
    line = "; ".join(cell.strip() for cell in cells)
    return f"- {line}" if line else ""


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    cells = _CELL_END.split(line)
    return [cell.strip() for cell in (cells[:-1] if line.endswith("|") and not cells[-1].strip() else cells)]


def _code_lines(content: str) -> list[str]:
    """Return the lines of a code block; WhatsApp would end it at a fence inside."""
    return content.removesuffix("\n").replace("```", "'''").split("\n") if content else []
