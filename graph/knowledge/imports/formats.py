"""The kinds of files that are imported, by their names and what web servers say, and their texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from graph.files import WrongFileError
from graph.files.documents import PDF, WORD
from graph.files.whole import Whole, read_whole
from graph.files.whole_documents import HTML
from graph.knowledge import files
from graph.knowledge.data import CONTENT_LIMIT, TITLE_LIMIT, Kind, Text
from graph.knowledge.imports.problems import ImportProblem

FILE_BYTES_LIMIT = 20_000_000
TEXT = "text/plain"
MARKDOWN = "text/markdown"
SUFFIXES = {
    ".pdf": PDF, ".docx": WORD, ".doc": WORD, ".txt": TEXT, ".md": MARKDOWN, ".markdown": MARKDOWN,
    ".html": HTML, ".htm": HTML,
}  # fmt: skip
WEB_TYPES = {
    HTML: HTML, "application/xhtml+xml": HTML, PDF: PDF, WORD: WORD, TEXT: TEXT, MARKDOWN: MARKDOWN,
}  # fmt: skip
KINDS: dict[str, Kind] = {PDF: "pdf", WORD: "docx", HTML: "web"}  # other files: markdown


@dataclass(frozen=True)
class File:
    """A file with its type; name: as people know it; url: where it was fetched."""

    name: str
    mime_type: str
    content: bytes
    url: str | None = None


def type_of_file(name: str) -> str:
    """Return the type of a file by its name. Raises ImportProblem for others than those that can be read."""
    found = SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if found is None:
        raise ImportProblem("not_supported")
    return found


def check_size(size: int) -> None:
    """Check the bytes of a file. Raises ImportProblem."""
    if not size:
        raise ImportProblem("empty")
    if size > FILE_BYTES_LIMIT:
        raise too_large()


def too_large() -> ImportProblem:
    """Return the problem of a file of more than FILE_BYTES_LIMIT."""
    return ImportProblem("too_large", megabytes=FILE_BYTES_LIMIT // 1_000_000)


async def texts_of(file: File, heard: Callable[[int], None]) -> list[Text]:
    """Return the texts of a file, read in a process of its own; `heard` is told how far it is, in percent.

    Markdown may have several questions, as `files` describes them. Raises ImportProblem.
    """
    try:
        whole = await read_whole(file.content, file.mime_type, CONTENT_LIMIT, heard)
    except WrongFileError as error:
        raise ImportProblem(error.code, characters=f"{CONTENT_LIMIT:,}".replace(",", ".")) from None
    text = whole.text.replace("\0", "")
    if file.mime_type == MARKDOWN and not file.url:
        return _markdown(file.name, text)
    kind = "web" if file.url else KINDS.get(file.mime_type, "markdown")
    return [Text(kind=kind, title=_title(file.name, whole), content=text)]


def _markdown(name: str, text: str) -> list[Text]:
    try:
        return list(files.texts_of(_stem(name), text.lstrip("\ufeff")).values())
    except files.FileError as error:
        raise ImportProblem("settings", detail=str(error)) from None


def _title(name: str, whole: Whole) -> str:
    return (whole.title.replace("\0", "").strip() or _stem(name))[:TITLE_LIMIT]


def _stem(name: str) -> str:
    """Return a file's name as a title: without its ending, with spaces."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    return " ".join(stem.replace("_", " ").replace("-", " ").split()) or name
