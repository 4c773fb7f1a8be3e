"""Types and sizes of files that WhatsApp delivers, recognised by their content and not by their name alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.whatsapp.messages.caps import MEDIA_BYTES

HEAD_BYTES = 4096  # of a file, by which its type is recognised
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ZIPPED = {
    ".docx": f"{_OFFICE}.wordprocessingml.document", ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
}  # fmt: skip
_OLD_OFFICE = {
    ".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint"
}  # fmt: skip
_TEXTS = frozenset({".txt", ".csv", ".md", ".log"})
_BY_BEGINNING = (
    (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"), (b"#!AMR", "audio/amr"), (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"), (b"\xff\xfb", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileType:
    """A type as Meta names it, and the kind of message that sends it: image, audio, video or document."""

    kind: str
    mime_type: str

    @property
    def limit(self) -> int:
        """The most bytes that WhatsApp takes."""
        return MEDIA_BYTES[self.kind]


def recognise(head: bytes, filename: str) -> FileType | None:
    """Return the type of a file by its first bytes; None: WhatsApp delivers no such file."""
    mime_type = _mime_type(head, PurePosixPath(filename).suffix.lower())
    if mime_type is None:
        return None
    kind = mime_type.partition("/")[0]
    return FileType(kind if kind in ("image", "audio", "video") else "document", mime_type)


def _mime_type(head: bytes, suffix: str) -> str | None:
    for beginning, mime_type in _BY_BEGINNING:
        if head.startswith(beginning):
            return mime_type
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if head.startswith(b"PK\x03\x04"):
        return _ZIPPED.get(suffix)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return _OLD_OFFICE.get(suffix)
    return "text/plain" if suffix in _TEXTS and _is_text(head) else None


def _of_brand(brand: bytes) -> str | None:
    """Return the type of an ISO media file by its brand: HEIC pictures and others are none that WhatsApp takes."""
    if brand.startswith(b"3g"):
        return "video/3gpp"
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    return "video/mp4" if brand in (b"isom", b"iso2", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ") else None


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and b"\0" not in head  # a letter cut in two
    return b"\0" not in head
