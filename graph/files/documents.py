"""The text of a document: PDF, Word (docx), plain text. The content has to match the stated type."""

from __future__ import annotations

import time
from io import BytesIO

from graph.files import UnreadableError

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PAGES_LIMIT = 30
PAGES_SECONDS = 5  # processor time, after which no further page is read


def readable(mime_type: str) -> bool:
    """Return whether documents of this type are supported."""
    return mime_type in (PDF, WORD) or mime_type.startswith("text/")


def read(content: bytes, mime_type: str, limit: int) -> str:
    """Return about the first `limit` characters of a document. Raises UnreadableError and MemoryError."""
    try:
        return _text(content, mime_type, limit)
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:  # libraries raise errors of any class for a damaged file
        raise UnreadableError(type(error).__name__) from error


def _text(content: bytes, mime_type: str, limit: int) -> str:
    if mime_type == PDF:
        return _pdf(content, limit)
    if mime_type == WORD:
        from graph.files import word

        return word.text(content, limit)
    if mime_type.startswith("text/"):
        from graph.files import plain_text

        return plain_text.text(content, limit)
    raise UnreadableError(mime_type)


def _pdf(content: bytes, limit: int) -> str:
    if b"%PDF-" not in content[:1024]:
        raise UnreadableError("no PDF")
    import pypdf

    text = ""
    for page in pypdf.PdfReader(BytesIO(content)).pages[:PAGES_LIMIT]:
        text += page.extract_text() + "\n"
        if len(text) > limit or time.process_time() > PAGES_SECONDS:
            break
    return text
