"""Files that people attach: streamed into the object store, checked against what WhatsApp delivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import UUID, uuid4

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.composer.file_types import HEAD_BYTES, FileType, recognise
from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import conversation_id
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.object_store import open_store
from gateway.store.composer import uploads
from gateway.store.composer.uploads import Upload
from gateway.store.desk import lists
from gateway.store.people.people import Role

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

NAME_HEADER = "x-file-name"  # percent-encoded; not in the address, which proxies log
_LONGEST_NAME = 200
_MOST_WAITING = 20  # files that a person has attached in a conversation and not sent


class Uploads:
    """`POST /console/conversations/{id}/files`: the body is the file; and `…/files/{file}/drop`."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._objects: ObjectStore = open_store(parts.settings.media_url)

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(f"{CONVERSATION}/files", self._add, Role.ATTENDANT, ["POST"]),
            Page(f"{CONVERSATION}/files/{{file:uuid}}/drop", self._drop, Role.ATTENDANT, ["POST"]),
        ]

    async def _add(self, request: Request) -> Response:
        person, found = person_of(request), conversation_id(request)
        name = _name(request)
        async with self._pool.connection() as conn:
            if await lists.one(conn, person, found) is None:
                raise RefusedError(404, "errors.404")
            if len(await uploads.of(conn, found, person.id)) >= _MOST_WAITING:
                raise RefusedError(409, "conversation.files.too_many")
        body = Body(request.stream())
        kind = await body.type(name)
        if kind is None:
            raise RefusedError(415, "conversation.files.type")
        if int(request.headers.get("content-length") or 0) > kind.limit:
            raise too_large(kind)
        upload_id = uuid4()
        path = f"{datetime.now(UTC):%Y/%m}/{upload_id}"
        await self._store(path, body, kind)
        upload = Upload(upload_id, found, person.id, path, kind.kind, kind.mime_type, body.size, name)
        async with self._pool.connection() as conn:
            await uploads.add(conn, upload)
        return JSONResponse({"file": str(upload_id), "kind": kind.kind, "size": body.size})

    async def _store(self, path: str, body: Body, kind: FileType) -> None:
        try:
            await obstore.put_async(self._objects, path, body.chunks(kind))
        except (BaseError, OSError) as error:
            if body.refused:
                raise too_large(kind) from None
            log.warning("object_store_away", error=type(error).__name__)
            raise RefusedError(503, "conversation.media.away") from None
        if not body.size:
            raise RefusedError(400, "conversation.files.empty")

    async def _drop(self, request: Request) -> Response:
        person, found = person_of(request), conversation_id(request)
        file_id: UUID = request.path_params["file"]
        async with self._pool.connection() as conn:
            for upload in await uploads.of(conn, found, person.id, [file_id]):
                await uploads.drop(conn, upload.id)
                await self._delete(upload.path)
        return JSONResponse({})

    async def _delete(self, path: str) -> None:
        try:
            await obstore.delete_async(self._objects, path)
        except FileNotFoundError:
            log.info("file_gone")
        except (BaseError, OSError) as error:
            log.warning("file_not_deleted", error=type(error).__name__)


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


def _name(request: Request) -> str:
    name = unquote(request.headers.get(NAME_HEADER, "")).replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable()).strip()[-_LONGEST_NAME:] or "arquivo"
