"""Plain text in the encodings of customers' programs: UTF-8, UTF-16, UTF-32 and Windows-1252."""

from __future__ import annotations

import codecs

from graph.files import UnreadableError

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAMPLE_BYTES = 4096  # looked at to recognize UTF-16 without a byte order mark
BYTES_PER_CHARACTER = 4
CONTROL_BYTES = frozenset(range(32)) - {9, 10, 12, 13, 27}


def text(content: bytes, limit: int) -> str:
    """Return about the first `limit` characters. Raises UnreadableError if the content is not text."""
    beginning = content[: (limit + 1) * BYTES_PER_CHARACTER]
    for mark, encoding in BYTE_ORDER_MARKS:
        if beginning.startswith(mark):
            return beginning[len(mark) :].decode(encoding, "replace")
    if unmarked := _unmarked(beginning[:SAMPLE_BYTES]):
        return beginning.decode(unmarked, "replace")
    if any(byte in CONTROL_BYTES for byte in beginning[:SAMPLE_BYTES]):
        raise UnreadableError("no text")
    try:
        # If the text was cut, its last character may be cut too.
        return codecs.getincrementaldecoder("utf-8")().decode(beginning, final=len(beginning) == len(content))
    except UnicodeDecodeError:
        return beginning.decode("cp1252", "replace")


def _unmarked(beginning: bytes) -> str | None:
    """Return the encoding of UTF-16 without a mark: one byte of each western character is 0, the other never is."""
    even, odd = beginning[::2], beginning[1::2]
    for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if zeros.count(0) > 0.7 * len(zeros) and not others.count(0):
            return encoding
    return None
