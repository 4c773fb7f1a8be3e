"""The text of a document: PDF, Word (docx), plain text."""

from __future__ import annotations

import io
import zipfile

import docx
import pypdf

PAGES_AT_MOST = 30
UNPACKED_BYTES = 50_000_000  # a small archive may hold gigabytes
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class UnreadableError(Exception):
    """The document has a type that is not read here, or it is damaged."""


def text_of(content: bytes, mime_type: str, limit: int) -> str:
    """The document's text, as far as somewhat more than ``limit`` characters. Raises UnreadableError."""
    try:
        if mime_type == "application/pdf":
            return _pdf(content, limit)
        if mime_type == WORD:
            return _word(content, limit)
    except Exception as error:
        raise UnreadableError(type(error).__name__) from error
    if mime_type.startswith("text/"):
        return content[: 4 * limit].decode("utf-8", "replace")
    raise UnreadableError(mime_type)


def _pdf(content: bytes, limit: int) -> str:
    text = ""
    for page in pypdf.PdfReader(io.BytesIO(content)).pages[:PAGES_AT_MOST]:
        text += page.extract_text() + "\n"
        if len(text) > limit:
            break
    return text


def _word(content: bytes, limit: int) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_BYTES:
            raise UnreadableError("too large")
    document = docx.Document(io.BytesIO(content))
    cells = (" | ".join(cell.text for cell in row.cells) for table in document.tables for row in table.rows)
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])[: limit + 1]
