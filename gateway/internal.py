"""What the agent may ask the gateway: a customer's history. Bearer token; never routed from outside."""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.store import conversations
from gateway.store.conversations import HistoryItem
from gateway.store.database import AWAY, Pool

_MOST = 200


class Internal:
    """The routes under ``/internal``; without a token configured they refuse everybody."""

    def __init__(self, pool: Pool, token: str | None) -> None:
        self._pool = pool
        self._token = token

    def routes(self) -> list[Route]:
        """The routes to mount."""
        return [Route("/internal/customers/{customer_id:uuid}/history", self._history)]

    async def _history(self, request: Request) -> Response:
        if not self._allowed(request):
            return PlainTextResponse("the bearer token is not INTERNAL_TOKEN", 401)
        customer_id: UUID = request.path_params["customer_id"]
        limit = _limit(request.query_params.get("limit", "20"))
        if limit is None:
            return PlainTextResponse(f"limit is a number from 1 to {_MOST}", 400)
        try:
            async with self._pool.connection() as conn:
                found = await conversations.history(conn, customer_id, limit)
        except AWAY:
            return PlainTextResponse("Postgres is away; try again", 503)
        return JSONResponse({"messages": [_shown(item) for item in found]})

    def _allowed(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").encode()
        return bool(self._token) and hmac.compare_digest(given, f"Bearer {self._token}".encode())


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
