"""Files of messages, for people who are signed in and see the conversation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.object_store import open_store
from gateway.store.desk import lists, media
from gateway.store.people.people import Role

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_RANGE = re.compile(r"bytes=(?P<first>\d{0,15})-(?P<last>\d{0,15})")
_LARGEST_PART = 1024 * 1024  # bytes; a player asks on

# What a browser may show on the page itself; all else, HTML, SVG and PDF too, is saved as a file.
_INLINE = frozenset(
    {
        "image/jpeg", "image/png", "image/webp", "image/gif", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac",
        "audio/amr", "audio/wav", "audio/webm", "video/mp4", "video/3gpp", "video/webm",
    }
)  # fmt: skip


class Media:
    """`GET /console/media/{id}`."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._objects: ObjectStore = open_store(parts.settings.media_url)

    def routes(self) -> list[Page]:
        """The route to mount."""
        return [Page("/console/media/{id:uuid}", self._file, Role.VIEWER)]

    async def _file(self, request: Request) -> Response:
        async with self._pool.connection() as conn:
            found = await media.find(conn, request.path_params["id"])
            if found is None or await lists.one(conn, person_of(request), found.conversation_id) is None:
                raise RefusedError(404, "errors.404")
        if found.path is None:
            raise RefusedError(410, "conversation.media.gone")
        kind = (found.mime_type or "").partition(";")[0].strip().lower()
        headers = {
            "Content-Disposition": disposition(found.filename or "", inline=kind in _INLINE),
            "Cache-Control": "private, max-age=3600",
            "Accept-Ranges": "bytes",
        }
        media_type = kind if kind in _INLINE else "application/octet-stream"
        return await self._bytes(found.path, media_type, headers, request.headers.get("range"))

    async def _bytes(self, path: str, media_type: str, headers: dict[str, str], wanted: str | None) -> Response:
        """Return a file, or the part of it that a player asks for."""
        try:
            if wanted:
                size = (await obstore.head_async(self._objects, path))["size"]
                if part := span(wanted, size):
                    start, end = part
                    content = bytes(await obstore.get_range_async(self._objects, path, start=start, end=end))
                    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}"}
                    return Response(content, 206, headers, media_type)
            found = await obstore.get_async(self._objects, path)
        except FileNotFoundError:
            raise RefusedError(410, "conversation.media.gone") from None
        except (BaseError, OSError) as error:
            log.warning("object_store_away", error=type(error).__name__)
            raise RefusedError(503, "conversation.media.away") from None
        headers |= {"Content-Length": str(found.meta["size"])}
        return StreamingResponse(found.stream(), media_type=media_type, headers=headers)


def span(header: str, size: int) -> tuple[int, int] | None:
    """Return the part of a file that a Range header asks for, at most a megabyte; None: the whole file."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not size:
        return None
    first, last = found["first"], found["last"]
    start = int(first) if first else max(0, size - int(last or 0))
    end = min(int(last) + 1 if first and last else size, size, start + _LARGEST_PART)
    return (start, end) if start < end else None


def disposition(filename: str, *, inline: bool) -> str:
    """Return how a browser treats a file; its name, which the customer chose, is percent-encoded."""
    how = "inline" if inline else "attachment"
    name = filename.replace("/", "_").replace("\\", "_").strip()
    return f"{how}; filename*=UTF-8''{quote(name, safe='')}" if name else how
