"""All of a document for the knowledge, in lines of JSON: `text` and how much is `done` (percent), `title`, `problem`.

Nothing is left out in silence: a document that is too long, or of which a part cannot be read, has a problem.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO

from graph.files import UnreadableError, WrongFileError
from graph.files.documents import PDF, WORD

HTML = "text/html"
PAGES_LIMIT = 1000
PIECE_CHARACTERS = 100_000  # of one line
OLD_WORD = b"\xd0\xcf\x11\xe0"  # Word 97, and a Word document with a password
Lines = Iterator[dict[str, str | int]]


def read(content: bytes, mime_type: str, limit: int) -> Iterator[str]:
    """Yield the lines about a document of at most `limit` characters; the last one may name a problem."""
    for line in _within(_known(content, mime_type, limit), limit):
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _within(lines: Lines, limit: int) -> Lines:
    """Yield the lines until the limit, and what is wrong with the document."""
    length, visible = 0, False
    try:
        for line in lines:
            text = str(line.get("text", ""))
            length += len(text)
            visible |= bool(text.strip())
            yield line if length <= limit else {"problem": "too_long"}
            if length > limit:
                return
    except WrongFileError as error:
        yield {"problem": error.code}
        return
    if not visible:
        yield {"problem": "no_words"}


def _known(content: bytes, mime_type: str, limit: int) -> Lines:
    """Yield the lines of a document. Raises WrongFileError, and MemoryError."""
    try:
        yield from _lines(content, mime_type, limit)
    except (WrongFileError, MemoryError):
        raise
    except Exception as error:  # libraries raise errors of any class for a damaged file
        raise WrongFileError("damaged") from error


def _lines(content: bytes, mime_type: str, limit: int) -> Lines:
    if mime_type == PDF:
        yield from _pdf(content)
    elif mime_type == WORD:
        yield from _pieces(_word(content, limit))
    elif "html" in mime_type.partition(";")[0]:
        from graph.files import web_page

        page = web_page.read(content, mime_type)
        yield {"title": page.title[:300]}
        yield from _pieces(page.text)
    else:
        yield from _pieces(_plain(content, limit))


def _pdf(content: bytes) -> Lines:
    if b"%PDF-" not in content[:1024]:
        raise WrongFileError("not_pdf")
    import pypdf
    from pypdf.errors import DependencyError

    reader = pypdf.PdfReader(BytesIO(content))
    try:
        if reader.is_encrypted and not reader.decrypt(""):
            raise WrongFileError("encrypted")
    except (DependencyError, NotImplementedError):  # an encryption that pypdf does not know
        raise WrongFileError("encrypted") from None
    pages = len(reader.pages)
    if pages > PAGES_LIMIT:
        raise WrongFileError("too_long")
    visible = False
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        visible |= bool(text.strip())
        yield from _pieces(text + "\n\n", 100 * number // pages)
    if not visible:
        raise WrongFileError("scanned")


def _word(content: bytes, limit: int) -> str:
    if content.startswith(OLD_WORD):
        raise WrongFileError("old_word")
    if not content.startswith(b"PK\x03\x04"):
        raise WrongFileError("not_word")
    from graph.files import word

    return word.whole_text(content, limit)


def _plain(content: bytes, limit: int) -> str:
    from graph.files import plain_text

    try:
        return plain_text.text(content, limit)
    except UnreadableError:
        raise WrongFileError("not_text") from None


def _pieces(text: str, done: int = 100) -> Lines:
    for place in range(0, len(text), PIECE_CHARACTERS):
        yield {"text": text[place : place + PIECE_CHARACTERS], "done": done}
