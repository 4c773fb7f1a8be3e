"""The real type of a recording and the length of a voice note. Nothing is decoded.

Sources: RFC 3533 (Ogg), RFC 6716 and 7845 (Opus, which is what WhatsApp's voice notes are).
"""

from __future__ import annotations

import re

from graph.files import UnreadableError

# The first bytes of each kind of file, and its type.
BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd]"), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
    (re.compile(rb"....ftyp", re.DOTALL), "audio/mp4"),
    (re.compile(rb"#!AMR"), "audio/amr"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"\x1aE\xdf\xa3"), "audio/webm"),
    (re.compile(rb"fLaC"), "audio/flac"),
)
SECONDS_LIMIT = 15 * 60  # of a voice note: a transcription is paid by its length
PAGE = b"OggS"
PAGE_HEAD_BYTES = 27  # bytes before the lengths of a page's segments
CONTINUED_FLAG = 1  # the flag of a page that begins within a packet
SAMPLES_PER_SECOND = 48_000
FULL_SEGMENT = 255  # a packet goes on behind a segment of this length


def read(content: bytes, _: str, __: int) -> str:
    """Return the recording's real type. Raises UnreadableError for other files, and if it is too long."""
    for beginning, mime_type in BEGINNINGS:
        if beginning.match(content):
            if b"OpusHead" in content[:100] and seconds(content) > SECONDS_LIMIT:
                raise UnreadableError("too long")
            return mime_type
    raise UnreadableError("no recording")


def seconds(content: bytes) -> float:
    """Return the length of Opus in Ogg by its packets, because the length that the file states may be false."""
    samples, place = 0, content.find(PAGE)
    while place >= 0:
        samples += _of_page(content, place)
        place = content.find(PAGE, place + len(PAGE))  # also inside the page: a broken one may hide others
    return samples / SAMPLES_PER_SECOND


def _of_page(content: bytes, place: int) -> int:
    head = content[place : place + PAGE_HEAD_BYTES]
    if len(head) < PAGE_HEAD_BYTES:
        return 0
    lengths = content[place + PAGE_HEAD_BYTES : place + PAGE_HEAD_BYTES + head[-1]]
    samples, start, begins = 0, place + PAGE_HEAD_BYTES + head[-1], not head[5] & CONTINUED_FLAG
    for length in lengths:
        samples += _of_packet(content[start : start + min(length, 4)]) if begins else 0
        start, begins = start + length, length < FULL_SEGMENT
    return samples


def _of_packet(beginning: bytes) -> int:
    if not beginning or beginning == b"Opus":  # empty, or a header
        return 0
    mode, frames = beginning[0] >> 3, (1, 2, 2, beginning[1] & 63 if len(beginning) > 1 else 0)[beginning[0] & 3]
    sizes = (480, 960, 1920, 2880) if mode < 12 else (480, 960, 480, 960) if mode < 16 else (120, 240, 480, 960)
    return frames * sizes[mode & 3]
