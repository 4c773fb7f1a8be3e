"""A customer's latest messages, on all numbers of the business."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.store import conversations
from gateway.store.conversations import HistoryItem
from gateway.store.customers import contacts
from gateway.store.database import Pool

_MAX_MESSAGES = 200


class History:
    """`GET /internal/customers/{customer_id}/history?limit=20`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, request: Request) -> Response:
        """Return the latest messages, the oldest of them first."""
        customer_id: UUID = request.path_params["customer_id"]
        limit = _limit(request.query_params.get("limit", "20"))
        if limit is None:
            return PlainTextResponse(f"limit is a number from 1 to {_MAX_MESSAGES}", 400)
        async with self._pool.connection() as conn:
            found = await conversations.history(conn, await contacts.current_id(conn, customer_id), limit)
        return JSONResponse({"messages": [_shown(item) for item in found]})


def _limit(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_MESSAGES else None


def _shown(item: HistoryItem) -> dict[str, Any]:
    content = item.content
    return {
        "direction": item.direction,
        "author": item.author,
        "kind": item.kind,
        "text": content.get("text") or content.get("body") or content.get("caption"),
        "timestamp": item.timestamp.isoformat(),
    }
