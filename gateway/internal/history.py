"""A customer's latest messages, on all numbers of the business."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.store import conversations
from gateway.store.conversations import HistoryItem
from gateway.store.database import Pool

_MAX_MESSAGES = 200


class History:
    """`GET /internal/history?limit=20`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, request: Request, customer_id: UUID) -> Response:
        """Return the customer's latest messages, the oldest of them first."""
        limit = _limit(request.query_params.get("limit", "20"))
        if limit is None:
            return PlainTextResponse(f"limit is a number from 1 to {_MAX_MESSAGES}", 400)
        async with self._pool.connection() as conn:
            found = await conversations.history(conn, customer_id, limit)
        return JSONResponse({"messages": [_shown(item) for item in found]})


def _limit(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_MESSAGES))):
        return None  # int() itself refuses thousands of digits by another error
    return int(text) if 1 <= int(text) <= _MAX_MESSAGES else None


def _shown(item: HistoryItem) -> dict[str, Any]:
    content = item.content
    return {
        "direction": item.direction,
        "author": item.author,
        "kind": item.kind,
        "text": content.get("text") or content.get("body") or content.get("caption"),
        "timestamp": item.timestamp.isoformat(),
    }
