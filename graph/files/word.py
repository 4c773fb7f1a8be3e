"""The text of a Word document, read as a stream: only its text is kept."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from xml.parsers import expat

from graph.files import UnreadableError, WrongFileError
from graph.files.word_styles import W, heading_levels

DOCUMENT_PART = "word/document.xml"
XML_BYTES_LIMIT = 20_000_000  # decompressed; a small archive may hold gigabytes
CHUNK_BYTES = 65_536
# The copy of a text box for old programs.
FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
BREAKS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n"}


def text(content: bytes, limit: int) -> str:
    """Return paragraphs and rows of tables, in their order, about the first `limit` characters.

    Raises UnreadableError, and the errors of zipfile and expat for a damaged file.
    """
    lines = _Lines()
    with _archive(content) as archive:
        _feed(archive, lines, limit)
    return lines.text("\n")


def whole_text(content: bytes, limit: int) -> str:
    """Return the whole text as Markdown: headings by the document's styles, an empty line between paragraphs.

    Raises what `text` raises, and WrongFileError: it has more than `limit` characters, or unpacks to more than
    XML_BYTES_LIMIT.
    """
    with _archive(content) as archive:
        if DOCUMENT_PART not in archive.namelist():
            raise WrongFileError("not_word")
        lines = _Lines(heading_levels(archive))
        complete = _feed(archive, lines, limit)
    if not complete:
        raise WrongFileError("too_long" if lines.length > limit else "unpacks_too_large")
    return lines.text("\n\n")


def _archive(content: bytes) -> zipfile.ZipFile:
    if not content.startswith(b"PK\x03\x04"):
        raise UnreadableError("no archive")
    return zipfile.ZipFile(BytesIO(content))


def _feed(archive: zipfile.ZipFile, lines: _Lines, limit: int) -> bool:
    """Read the main part; return whether it ended before it had more than `limit` characters or too many bytes."""
    parser = _parser(lines)
    read = 0
    with archive.open(DOCUMENT_PART) as part:
        while chunk := part.read(CHUNK_BYTES):
            read += len(chunk)
            if lines.length > limit or read > XML_BYTES_LIMIT:
                return False
            parser.Parse(chunk)
    return lines.length <= limit


def _parser(lines: _Lines) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lines.begin
    parser.EndElementHandler = lines.end
    parser.CharacterDataHandler = lines.add
    parser.StartDoctypeDeclHandler = _refuse  # Word writes none; entities could be declared in it
    return parser


def _refuse(*_: object) -> None:
    raise UnreadableError("a document type declaration")


class _Lines:
    """Collects the lines of a document from its elements; bars join cells; empty lines and rows are dropped.

    levels: of headings, by the id of their style.
    """

    def __init__(self, levels: Mapping[str, int] | None = None) -> None:
        self.length = 0
        self._levels = levels or {}
        self._level = 0  # of the current paragraph
        self._lines: list[str] = []
        self._cells: list[str] = []  # of the current row
        self._now: list[str] = []  # of the current paragraph or cell
        self._in_run = self._in_text = False
        self._in_fallback = 0
        self._in_cells = 0  # a cell may contain a table

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        if self._in_fallback or name == FALLBACK:
            self._in_fallback += 1
        elif name == W + "r":
            self._in_run = True
        elif name == W + "t":
            self._in_text = True
        elif name in BREAKS and self._in_run:  # tab stops have the same name as tabs
            self._append(BREAKS[name])
        elif name == W + "tc":
            self._in_cells += 1
        elif name == W + "pStyle":
            self._level = self._levels.get(attributes.get(W + "val", ""), 0)

    def end(self, name: str) -> None:
        """An element ends."""
        if self._in_fallback:
            self._in_fallback -= 1
        elif name == W + "r":
            self._in_run = False
        elif name == W + "t":
            self._in_text = False
        elif name == W + "p":
            self._end_paragraph()
        elif name == W + "tc":
            self._in_cells -= 1
            self._end_cell()
        elif name == W + "tr" and not self._in_cells:
            self._end_row()

    def add(self, text: str) -> None:
        """Add text of the current element."""
        if self._in_text:
            self._append(text)

    def text(self, between: str) -> str:
        """Return all lines so far."""
        self._end_cell()
        self._end_row()
        return between.join(self._lines)

    def _append(self, text: str) -> None:
        self._now.append(text)
        self.length += len(text)

    def _end_paragraph(self) -> None:
        level, self._level = self._level, 0
        if not self._in_cells:
            line = "".join(self._now)
            self._add(f"{'#' * level} {line}" if level and line.strip() else line)
            self._now.clear()
        elif self._now and self._now[-1] != " ":
            self._now.append(" ")

    def _end_cell(self) -> None:
        self._cells.append("".join(self._now).strip())
        self._now.clear()
        self.length += 1  # the bar

    def _end_row(self) -> None:
        if any(self._cells):
            self._add(" | ".join(self._cells).rstrip(" |"))
        self._cells.clear()

    def _add(self, line: str) -> None:
        if line.strip():
            self._lines.append(line)
