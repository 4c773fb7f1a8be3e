"""Files of customers, from the object store."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from gateway.store.database import Pool
from gateway.store.inbox import media

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)


class Media:
    """`GET /internal/media/{media_id}`."""

    def __init__(self, pool: Pool, objects: ObjectStore) -> None:
        self._pool = pool
        self._objects = objects

    async def answer(self, request: Request, customer_id: UUID) -> Response:
        """Return a file of the customer; 409 while it is being fetched, 410 when there is none any more."""
        async with self._pool.connection() as conn:
            found = await media.find(conn, request.path_params["media_id"], of_contact=customer_id)
        if found is None:
            return PlainTextResponse("the customer has no media of this id", 404)
        if found.revoked or found.path is None:
            status = "revoked" if found.revoked else found.status
            return PlainTextResponse(f"the media is not there: {status}", 409 if status == "pending" else 410)
        return await self._bytes(found.path, found.mime_type)

    async def _bytes(self, path: str, mime_type: str | None) -> Response:
        try:
            found = await obstore.get_async(self._objects, path)
        except FileNotFoundError:
            return PlainTextResponse("the media is not in the object store any more", 410)
        except (BaseError, OSError) as error:
            log.warning("object_store_away", error=type(error).__name__)
            return PlainTextResponse("the object store is away; try again", 503)
        # A browser must neither run nor show a file that a customer sent.
        headers = {
            "content-length": str(found.meta["size"]),
            "content-disposition": "attachment",
            "x-content-type-options": "nosniff",
        }
        return StreamingResponse(found.stream(), media_type=mime_type or "application/octet-stream", headers=headers)
