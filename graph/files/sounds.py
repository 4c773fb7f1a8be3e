"""What a recording really is. Nothing here decodes it; its beginning says enough."""

from __future__ import annotations

import re

from graph.files import UnreadableError

# What each kind of file begins with, and its type.
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


def read(content: bytes, _: str, __: int) -> str:
    """The recording's type, whatever it was called. Raises UnreadableError where it is none."""
    for beginning, mime_type in BEGINNINGS:
        if beginning.match(content):
            return mime_type
    raise UnreadableError("no recording")
