"""*Importar*: files and web pages that the agent server reads into drafts, with their progress."""

from __future__ import annotations

from urllib.parse import unquote
from uuid import UUID

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import IMPORT, IMPORTS, Import
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages, render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.people import audit
from gateway.store.people.people import Role

IMPORTS_PAGE = f"{KNOWLEDGE}/imports"
FILE_BYTES_LIMIT = 20_000_000  # the agent server takes no larger one
_LONGEST_NAME, _LONGEST_ADDRESS = 300, 2000


class Importing:
    """The page `/console/knowledge/imports`."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [
            Page(IMPORTS_PAGE, self._show, Role.MANAGER),
            Page(f"{IMPORTS_PAGE}/rows", self._rows, Role.MANAGER),
            Page(f"{IMPORTS_PAGE}/file", self._file, Role.MANAGER, ["POST"]),
            Page(f"{IMPORTS_PAGE}/page", self._page, Role.MANAGER, ["POST"]),
            Page(f"{IMPORTS_PAGE}/{{id:uuid}}/cancel", self._cancel, Role.MANAGER, ["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        return render(request, "knowledge/imports.html", imports=await self._newest(), limit=FILE_BYTES_LIMIT)

    async def _rows(self, request: Request) -> Response:
        pages: Pages = request.app.state.pages
        return HTMLResponse(pages.html(request, "knowledge/import_rows.html", {"imports": await self._newest()}))

    async def _file(self, request: Request) -> Response:
        """Take a file, the body of the request; its name is in X-File-Name, percent-encoded."""
        name = unquote(request.headers.get("x-file-name", "")).replace("\0", "")[-_LONGEST_NAME:]
        content = await _body(request)
        path = f"/knowledge/imports?{httpx.QueryParams(name=name)}"
        added = await self._server.send(path, content, IMPORT)
        await self._done(request, "knowledge_imported", added)
        return JSONResponse({"id": str(added.id)})

    async def _page(self, request: Request) -> Response:
        url = str((await request.form()).get("url", "")).strip()[:_LONGEST_ADDRESS]
        added = await self._server.change("POST", "/knowledge/imports", {"url": url}, IMPORT)
        await self._done(request, "knowledge_imported", added)
        return RedirectResponse(IMPORTS_PAGE, 303)

    async def _cancel(self, request: Request) -> Response:
        wanted: UUID = request.path_params["id"]
        ended = await self._server.change("POST", f"/knowledge/imports/{wanted}/cancel", shape=IMPORT)
        await self._done(request, "knowledge_import_cancelled", ended)
        return RedirectResponse(IMPORTS_PAGE, 303)

    async def _newest(self) -> list[Import]:
        return await self._server.get("/knowledge/imports", IMPORTS)

    async def _done(self, request: Request, action: str, one: Import) -> None:
        async with self._pool.connection() as conn:
            await audit.write(conn, person_of(request), action, f"knowledge_import:{one.id}")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FILE_BYTES_LIMIT:
            raise RefusedError(413, "errors.413")
    return bytes(body)
