"""Files of canned replies: uploaded on their page, shown there, and copied into the composer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from gateway.console.admin.canned import CANNED
from gateway.console.composer.receiving import new_path, receive
from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.media import INLINE, disposition, store_works
from gateway.console.conversation.requests import conversation_id
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.object_store import open_store
from gateway.store.composer import canned_files, uploads
from gateway.store.composer.canned_files import CannedFile
from gateway.store.composer.uploads import MOST_WAITING, Upload
from gateway.store.desk import lists
from gateway.store.people.people import Role

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class CannedFiles:
    """`/console/canned/files`, and `POST /console/conversations/{id}/canned/{file}`, which attaches one."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._objects: ObjectStore = open_store(parts.settings.media_url)

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(f"{CANNED}/files", self._add, Role.ATTENDANT, ["POST"]),
            Page(f"{CANNED}/files/{{file:uuid}}", self._show, Role.ATTENDANT),
            Page(f"{CONVERSATION}/canned/{{file:uuid}}", self._attach, Role.ATTENDANT, ["POST"]),
        ]

    async def _add(self, request: Request) -> Response:
        """Store a file for a reply that will be saved."""
        person = person_of(request)
        async with self._pool.connection() as conn:
            if await canned_files.waiting(conn, person.id) >= MOST_WAITING:
                raise RefusedError(409, "conversation.files.too_many")
        got = await receive(request, self._objects)
        file = CannedFile(got.id, None, got.path, got.type.kind, got.type.mime_type, got.size, got.filename)
        async with self._pool.connection() as conn:
            await canned_files.add(conn, file, person.id)
        return JSONResponse({"file": str(file.id), "kind": file.kind, "size": file.size})

    async def _show(self, request: Request) -> Response:
        file = await self._found(request)
        with store_works():
            found = await obstore.get_async(self._objects, file.path)
        inline = file.mime_type in INLINE
        headers = {
            "Content-Disposition": disposition(file.filename, inline=inline),
            "Content-Length": str(found.meta["size"]), "Cache-Control": "private, max-age=3600",
        }  # fmt: skip
        media_type = file.mime_type if inline else "application/octet-stream"
        return StreamingResponse(found.stream(), media_type=media_type, headers=headers)

    async def _attach(self, request: Request) -> Response:
        """Attach a copy of a file in a conversation, as if the person had uploaded it."""
        person, conversation = person_of(request), conversation_id(request)
        file = await self._found(request)
        async with self._pool.connection() as conn:
            if await lists.one(conn, person, conversation) is None:
                raise RefusedError(404, "errors.404")
            if len(await uploads.of(conn, conversation, person.id)) >= MOST_WAITING:
                raise RefusedError(409, "conversation.files.too_many")
        upload_id, path = new_path()
        with store_works():
            await obstore.copy_async(self._objects, file.path, path)
        upload = Upload(upload_id, conversation, person.id, path, file.kind, file.mime_type, file.size, file.filename)
        async with self._pool.connection() as conn:
            await uploads.add(conn, upload)
        return JSONResponse({"file": str(upload_id), "kind": file.kind, "size": file.size})

    async def _found(self, request: Request) -> CannedFile:
        wanted: UUID = request.path_params["file"]
        async with self._pool.connection() as conn:
            found = await canned_files.find(conn, wanted, person_of(request).id)
        if found is None:
            raise RefusedError(404, "errors.404")
        return found
