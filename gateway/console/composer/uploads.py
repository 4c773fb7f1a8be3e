"""Files that people attach: streamed into the object store, checked against what WhatsApp delivers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.composer.receiving import receive
from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import conversation_id
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.object_store import open_store
from gateway.store.composer import uploads
from gateway.store.composer.uploads import MOST_WAITING, Upload
from gateway.store.desk import lists
from gateway.store.people.people import Role

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)


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
        async with self._pool.connection() as conn:
            if await lists.one(conn, person, found) is None:
                raise RefusedError(404, "errors.404")
            if len(await uploads.of(conn, found, person.id)) >= MOST_WAITING:
                raise RefusedError(409, "conversation.files.too_many")
        got = await receive(request, self._objects)
        upload = Upload(got.id, found, person.id, got.path, got.type.kind, got.type.mime_type, got.size, got.filename)
        async with self._pool.connection() as conn:
            await uploads.add(conn, upload)
        return JSONResponse({"file": str(upload.id), "kind": upload.kind, "size": upload.size})

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
