"""Files of messages, for people who are signed in and see the conversation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.console.conversation.voice import LARGEST, NotOpusError, caf
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.object_store import open_store
from gateway.store.desk import lists, media
from gateway.store.desk.media import File
from gateway.store.people.people import Role

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_RANGE = re.compile(r"bytes=(?P<first>\d{0,15})-(?P<last>\d{0,15})")
_LARGEST_PART = 1024 * 1024  # bytes; a player asks on
_OGG = frozenset({"audio/ogg", "application/ogg"})
_CACHED = {"Cache-Control": "private, max-age=3600", "Accept-Ranges": "bytes"}

# What a browser may show on the page itself; all else, HTML, SVG and PDF too, is saved as a file.
INLINE = frozenset(
    {
        "image/jpeg", "image/png", "image/webp", "image/gif", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac",
        "audio/amr", "audio/wav", "audio/webm", "video/mp4", "video/3gpp", "video/webm",
    }
)  # fmt: skip


class Media:
    """`GET /console/media/{id}`; `…/caf`: the same voice note in Apple's container."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._objects: ObjectStore = open_store(parts.settings.media_url)

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page("/console/media/{id:uuid}", self._file, Role.VIEWER),
            Page("/console/media/{id:uuid}/caf", self._caf, Role.VIEWER),
        ]

    async def _file(self, request: Request) -> Response:
        found, path = await self._found(request)
        kind = _kind(found)
        headers = {"Content-Disposition": disposition(found.filename or "", inline=kind in INLINE), **_CACHED}
        media_type = kind if kind in INLINE else "application/octet-stream"
        return await self._bytes(path, media_type, headers, request.headers.get("range"))

    async def _caf(self, request: Request) -> Response:
        """Return a voice note for a browser that does not play Ogg; it is made anew each time, within milliseconds."""
        found, path = await self._found(request)
        if _kind(found) not in _OGG:
            raise RefusedError(404, "errors.404")
        with store_works():
            if (await obstore.head_async(self._objects, path))["size"] > LARGEST:
                raise RefusedError(404, "errors.404")
            recording = bytes(await (await obstore.get_async(self._objects, path)).bytes_async())
        try:
            content = await asyncio.to_thread(caf, recording)
        except NotOpusError as error:
            log.info("voice_not_read", error=str(error))
            raise RefusedError(404, "errors.404") from None
        if part := span(request.headers.get("range", ""), len(content)):
            start, end = part
            headers = _CACHED | {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
            return Response(content[start:end], 206, headers, "audio/x-caf")
        return Response(content, 200, _CACHED, "audio/x-caf")

    async def _found(self, request: Request) -> tuple[File, str]:
        """Return a file that the person may see, and its path. Raises RefusedError."""
        async with self._pool.connection() as conn:
            found = await media.find(conn, request.path_params["id"])
            if found is None or await lists.one(conn, person_of(request), found.conversation_id) is None:
                raise RefusedError(404, "errors.404")
        if found.path is None:
            raise RefusedError(410, "conversation.media.gone")
        return found, found.path

    async def _bytes(self, path: str, media_type: str, headers: dict[str, str], wanted: str | None) -> Response:
        """Return a file, or the part of it that a player asks for."""
        with store_works():
            if wanted:
                size = (await obstore.head_async(self._objects, path))["size"]
                if part := span(wanted, size):
                    start, end = part
                    content = bytes(await obstore.get_range_async(self._objects, path, start=start, end=end))
                    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}"}
                    return Response(content, 206, headers, media_type)
            found = await obstore.get_async(self._objects, path)
        headers |= {"Content-Length": str(found.meta["size"])}
        return StreamingResponse(found.stream(), media_type=media_type, headers=headers)


def _kind(found: File) -> str:
    return (found.mime_type or "").partition(";")[0].strip().lower()


@contextmanager
def store_works() -> Iterator[None]:
    """Answer in a sentence where a file is not in the object store, or the store does not answer."""
    try:
        yield
    except FileNotFoundError:
        raise RefusedError(410, "conversation.media.gone") from None
    except (BaseError, OSError) as error:
        log.warning("object_store_away", error=type(error).__name__)
        raise RefusedError(503, "conversation.media.away") from None


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
