"""Files that browsers send: the body of a request, streamed into the object store within the limits of WhatsApp."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import UUID, uuid4

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request

from gateway.console.composer.file_types import HEAD_BYTES, FileType, recognise
from gateway.console.routes import RefusedError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_NAME_HEADER = "x-file-name"  # percent-encoded; not in the address, which proxies log
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is in the object store now."""

    id: UUID
    path: str
    type: FileType
    size: int
    filename: str


async def receive(request: Request, objects: ObjectStore) -> Received:
    """Store the file that is a request's body. Raises RefusedError where WhatsApp delivers no such file."""
    name, body = _file_name(request), Body(request.stream())
    kind = await body.type(name)
    if kind is None:
        raise RefusedError(415, "conversation.files.type")
    if int(request.headers.get("content-length") or 0) > kind.limit:
        raise too_large(kind)
    file_id, path = new_path()
    await _store(objects, path, body, kind)
    return Received(file_id, path, kind, body.size, name)


def new_path() -> tuple[UUID, str]:
    """Return an id and the path of its file."""
    file_id = uuid4()
    return file_id, f"{datetime.now(UTC):%Y/%m}/{file_id}"


async def _store(objects: ObjectStore, path: str, body: Body, kind: FileType) -> None:
    try:
        await obstore.put_async(objects, path, body.chunks(kind))
    except (BaseError, OSError) as error:
        if body.refused:
            raise too_large(kind) from None
        log.warning("object_store_away", error=type(error).__name__)
        raise RefusedError(503, "conversation.media.away") from None
    if not body.size:
        raise RefusedError(400, "conversation.files.empty")


class Body:
    """The body of a request as a stream of bytes, whose first ones were looked at. size: bytes that passed."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._head = b""
        self.size = 0
        self.refused = False

    async def type(self, filename: str) -> FileType | None:
        """Return the type of the file."""
        async for chunk in self._stream:
            self._head += chunk
            if len(self._head) >= HEAD_BYTES:
                break
        return recognise(self._head[:HEAD_BYTES], filename)

    async def chunks(self, kind: FileType) -> AsyncIterator[bytes]:
        """Yield the bytes; raise OSError where there are more than WhatsApp takes."""
        yield self._counted(self._head, kind)
        async for chunk in self._stream:
            if chunk:
                yield self._counted(chunk, kind)

    def _counted(self, chunk: bytes, kind: FileType) -> bytes:
        self.size += len(chunk)
        if self.size > kind.limit:
            self.refused = True
            raise OSError("the file is too large")
        return chunk


def too_large(kind: FileType) -> RefusedError:
    """Return the answer to a file that is larger than WhatsApp allows for its kind."""
    return RefusedError(413, f"conversation.files.too_large.{kind.kind}", values={"limit": kind.limit // (1024 * 1024)})


def _file_name(request: Request) -> str:
    name = unquote(request.headers.get(_NAME_HEADER, "")).replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable()).strip()[-_LONGEST_NAME:] or "arquivo"
