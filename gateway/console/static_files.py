"""Styles, scripts and pictures of the pages: read once; their address has their hash, so browsers keep them."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
PREFIX = "/console/static"
_FOR_EVER = "public, max-age=31536000, immutable"


class StaticFiles:
    """The files of `static/`. One hash names all of them, so that modules import each other by relative addresses."""

    def __init__(self, folder: Path = FOLDER) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self._version = digest.hexdigest()[:16]

    def address(self, name: str) -> str:
        """Return the address of a file. Raises KeyError where there is none."""
        if name not in self._files:
            raise KeyError(name)
        return f"{PREFIX}/{self._version}/{name}"

    def route(self) -> Route:
        """Return the route to mount; it is open to everybody."""
        return Route(f"{PREFIX}/{{version}}/{{name:path}}", self._file)

    async def _file(self, request: Request) -> Response:
        content = self._files.get(request.path_params["name"])
        if content is None:
            return Response(status_code=404)
        # A page of another release may ask for a file under that release's hash: it gets ours, and does not keep it.
        kept = _FOR_EVER if request.path_params["version"] == self._version else "no-cache"
        kind = mimetypes.guess_type(request.path_params["name"])[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers={"Cache-Control": kept})
