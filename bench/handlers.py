"""The baselines of the webhook benchmark: the same work without storing, and with one insert a request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.deliveries import SECRET
from gateway.store.database import make_pool
from gateway.store.inbox import events
from gateway.whatsapp.json_bytes import decode
from gateway.whatsapp.webhooks.items import Item, items
from gateway.whatsapp.webhooks.signature import verify


async def _checked(request: Request) -> list[Item] | None:
    body = await request.body()
    if not verify(body, request.headers.get("x-hub-signature-256"), [SECRET]):
        return None
    return items(decode(body))


async def _bare(request: Request) -> Response:
    return PlainTextResponse("ok", 200 if await _checked(request) else 403)


bare = Starlette(routes=[Route("/webhook/whatsapp", _bare, methods=["POST"])])

_pool = make_pool(os.environ.get("DATABASE_URL", "postgresql://unset"), 10)


async def _inserting(request: Request) -> Response:
    new = await _checked(request)
    if not new:
        return PlainTextResponse("no", 403)
    async with _pool.connection() as conn:
        await events.keep(conn, [events.row(item) for item in new])
    return PlainTextResponse("ok")


@asynccontextmanager
async def _open(_: Starlette) -> AsyncIterator[None]:
    async with _pool:
        yield


inserting = Starlette(routes=[Route("/webhook/whatsapp", _inserting, methods=["POST"])], lifespan=_open)
