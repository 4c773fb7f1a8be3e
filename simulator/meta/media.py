"""Media at Meta: uploads of the business, files of customers, and addresses that work for five minutes.

Source: docs/whatsapp/cloud-api/reference/media.
"""

import hashlib
import itertools
import secrets
from dataclasses import dataclass
from typing import Literal

from simulator.json_type import Json
from simulator.meta.errors import INVALID_PARAMETER, UPLOAD_FAILED, GraphError

MediaKind = Literal["image", "audio", "video", "document", "sticker"]

URL_SECONDS = 5 * 60
INBOUND_SECONDS, UPLOAD_SECONDS = 7 * 24 * 3600, 30 * 24 * 3600
KB, MB = 1024, 1024 * 1024
MAX_BYTES: dict[MediaKind, int] = {
    "image": 5 * MB, "audio": 16 * MB, "video": 16 * MB, "document": 100 * MB, "sticker": 500 * KB,
}  # fmt: skip
STATIC_STICKER_MAX_BYTES = 100 * KB
MIME_TYPES: dict[MediaKind, tuple[str, ...]] = {
    "audio": ("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"),
    "image": ("image/jpeg", "image/png"),
    "video": ("video/mp4", "video/3gpp"),
    "sticker": ("image/webp",),
    "document": (
        "text/plain", "application/pdf", "application/vnd.ms-powerpoint", "application/msword",
        "application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}  # fmt: skip
OPUS = "audio/opus"  # refused as a MIME type; inside audio/ogg it is a voice note


@dataclass
class Medium:
    """One file. `number_id`: the number that may use it; `expires_at`: when its id stops working."""

    id: str
    number_id: str
    content: bytes
    mime_type: str
    filename: str | None
    expires_at: float

    @property
    def sha256(self) -> str:
        """Of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    def as_json(self) -> Json:
        """Return the file's facts as the control API shows them; `url` works as long as the simulator runs."""
        shown = {"id": self.id, "mime_type": self.mime_type, "filename": self.filename, "size": len(self.content)}
        return shown | {"url": f"/_sim/media/{self.id}"}


class MediaStore:
    """All media, in memory."""

    def __init__(self) -> None:
        self._ids = itertools.count(6_000_000_000_000_001)
        self._media: dict[str, Medium] = {}
        self._addresses: dict[str, tuple[str, float]] = {}

    def clear(self) -> None:
        """Remove everything; ids are not used again."""
        self._media.clear()
        self._addresses.clear()

    def add(self, number_id: str, content: bytes, mime_type: str, filename: str | None, expires_at: float) -> Medium:
        """Store a file whose id works until `expires_at`."""
        medium = Medium(str(next(self._ids)), number_id, content, mime_type, filename, expires_at)
        self._media[medium.id] = medium
        return medium

    def get(self, media_id: str) -> Medium | None:
        """Return the file of that id, expired or not."""
        return self._media.get(media_id)

    def usable(self, media_id: str, now: float) -> Medium | None:
        """Return the file of that id, if the id still works."""
        medium = self._media.get(media_id)
        return medium if medium and now < medium.expires_at else None

    def remove(self, media_id: str) -> None:
        """Delete a file."""
        self._media.pop(media_id, None)

    def address(self, medium: Medium, now: float) -> Json:
        """Return the query parameters of an address at which the file can be fetched for five minutes."""
        expires_at, key = now + URL_SECONDS, secrets.token_urlsafe(24)
        self._addresses[key] = (medium.id, expires_at)
        return {"mid": medium.id, "ext": str(int(expires_at)), "hash": key}

    def at(self, query: Json, now: float) -> Medium | None:
        """Return the file at an address, if the address still works."""
        media_id, expires_at = self._addresses.get(query.get("hash", ""), ("", 0.0))
        return self._media.get(media_id) if media_id == query.get("mid") and now < expires_at else None


def kind_of(mime_type: str) -> MediaKind | None:
    """Return the kind of message for a MIME type; None where Meta does not accept it."""
    bare = mime_type.split(";", maxsplit=1)[0].strip().lower()
    return next((kind for kind, types in MIME_TYPES.items() if bare in types), None)


def check_upload(content: bytes, mime_type: str) -> None:
    """Check a file as Meta does when it is uploaded. Raises GraphError."""
    kind = kind_of(mime_type)
    if mime_type.lower().startswith(OPUS):
        raise GraphError(UPLOAD_FAILED, "Opus audio has to be uploaded as audio/ogg")
    if kind is None:
        types = ", ".join(sorted(one for known in MIME_TYPES.values() for one in known))
        title = (
            f"Param file must be a file with one of the following types: {types}. Received file of type '{mime_type}'."
        )
        raise GraphError(INVALID_PARAMETER, title=title)
    if not content:
        raise GraphError(INVALID_PARAMETER, title="Param file must not be empty.")
    check_size(kind, content)


def check_size(kind: MediaKind, content: bytes) -> None:
    """Check that a file is small enough for this kind. Raises GraphError."""
    limit = STATIC_STICKER_MAX_BYTES if kind == "sticker" and not is_animated(content) else MAX_BYTES[kind]
    if len(content) > limit:
        raise GraphError(UPLOAD_FAILED, f"The {kind} has {len(content)} bytes, the limit is {limit}")


def is_animated(content: bytes) -> bool:
    """Return whether a WebP file has the animation flag (VP8X header of the RIFF container)."""
    return content[12:16] == b"VP8X" and len(content) > 20 and bool(content[20] & 0x02)
