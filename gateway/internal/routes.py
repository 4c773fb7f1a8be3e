"""What the agent may ask the gateway: a customer's history, and files. Bearer token; never routed from outside."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any
from uuid import UUID

import obstore
import orjson
import psycopg
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.runtime.telemetry import PROOFS
from gateway.store import conversations
from gateway.store.conversations import HistoryItem
from gateway.store.customers import contacts, proofs
from gateway.store.database import Pool, is_away
from gateway.store.inbox import media

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_MOST = 200
_LONGEST_ORDER = 64  # characters of an order's number


class Internal:
    """The routes under ``/internal``; without a token configured they refuse everybody."""

    def __init__(self, pool: Pool, objects: ObjectStore, token: str | None) -> None:
        self._pool = pool
        self._objects = objects
        self._token = token

    def routes(self) -> list[Route]:
        """The routes to mount."""
        return [
            Route("/internal/customers/{customer_id:uuid}/history", self._history),
            Route("/internal/customers/{customer_id:uuid}/proofs", self._proof, methods=["POST"]),
            Route("/internal/media/{media_id:uuid}", self._media),
        ]

    async def _history(self, request: Request) -> Response:
        if not self.allowed(request):
            return PlainTextResponse("the bearer token is not INTERNAL_TOKEN", 401)
        customer_id: UUID = request.path_params["customer_id"]
        limit = _limit(request.query_params.get("limit", "20"))
        if limit is None:
            return PlainTextResponse(f"limit is a number from 1 to {_MOST}", 400)
        try:
            async with self._pool.connection() as conn:
                found = await conversations.history(conn, await contacts.current_id(conn, customer_id), limit)
        except psycopg.Error as error:
            if not is_away(error):
                raise
            return PlainTextResponse("Postgres is away; try again", 503)
        return JSONResponse({"messages": [_shown(item) for item in found]})

    async def _proof(self, request: Request) -> Response:
        """Count a try to prove to be the customer of an order, before it is made."""
        if not self.allowed(request):
            return PlainTextResponse("the bearer token is not INTERNAL_TOKEN", 401)
        order = _order(await request.body())
        if order is None:
            return PlainTextResponse('the body is {"order": its number}', 400)
        try:
            async with self._pool.connection() as conn, conn.transaction():
                contact_id = await contacts.current_id(conn, request.path_params["customer_id"])
                left = await proofs.take(conn, contact_id, order)
        except psycopg.errors.ForeignKeyViolation:
            return PlainTextResponse("there is no customer of this id", 404)
        except psycopg.Error as error:
            if not is_away(error):
                raise
            return PlainTextResponse("Postgres is away; try again", 503)
        PROOFS.labels("tried" if left is not None else "refused").inc()
        if left is None:
            return PlainTextResponse("no try is left today", 429)
        return JSONResponse({"left": left})

    async def _media(self, request: Request) -> Response:
        if not self.allowed(request):
            return PlainTextResponse("the bearer token is not INTERNAL_TOKEN", 401)
        try:
            async with self._pool.connection() as conn:
                found = await media.find(conn, request.path_params["media_id"])
        except psycopg.Error as error:
            if not is_away(error):
                raise
            return PlainTextResponse("Postgres is away; try again", 503)
        if found is None:
            return PlainTextResponse("there is no media of this id", 404)
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
        # Nothing that a customer sends is ever run or shown by whoever fetches it.
        headers = {
            "content-length": str(found.meta["size"]),
            "content-disposition": "attachment",
            "x-content-type-options": "nosniff",
        }
        return StreamingResponse(found.stream(), media_type=mime_type or "application/octet-stream", headers=headers)

    def allowed(self, request: Request) -> bool:
        """Whether a request shows the internal token."""
        given = request.headers.get("authorization", "").encode()
        return bool(self._token) and hmac.compare_digest(given, f"Bearer {self._token}".encode())


def _order(body: bytes) -> str | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    order = told.get("order") if isinstance(told, dict) else None
    return order if isinstance(order, str) and 0 < len(order.strip()) <= _LONGEST_ORDER else None


def _limit(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST else None


def _shown(item: HistoryItem) -> dict[str, Any]:
    content = item.content
    return {
        "direction": item.direction,
        "author": item.author,
        "kind": item.kind,
        "text": content.get("text") or content.get("body") or content.get("caption"),
        "timestamp": item.timestamp.isoformat(),
    }
