"""Attempts of a customer to prove that an order is theirs. Each is counted before the agent makes it."""

from __future__ import annotations

from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.runtime.telemetry import PROOFS
from gateway.store.customers import contacts, proofs
from gateway.store.database import Pool

_MAX_ORDER_CHARACTERS = 64


class Proofs:
    """`POST /internal/proofs` with `{"order": its number}`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, request: Request, customer_id: UUID) -> Response:
        """Count an attempt, and return how many are left today; 429 when none was left."""
        order = _order(await request.body())
        if order is None:
            return PlainTextResponse('the body is {"order": its number}', 400)
        async with self._pool.connection() as conn, conn.transaction():
            left = await proofs.take(conn, await contacts.current_id(conn, customer_id), order)
        PROOFS.labels("tried" if left is not None else "refused").inc()
        if left is None:
            return PlainTextResponse("no try is left today", 429)
        return JSONResponse({"left": left})


def _order(body: bytes) -> str | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    order = told.get("order") if isinstance(told, dict) else None
    return order if isinstance(order, str) and 0 < len(order.strip()) <= _MAX_ORDER_CHARACTERS else None
