"""The two processes as ASGI apps: everything with a lifetime is opened here, and closed in the opposite order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from gateway.checks import numbers, postgres
from gateway.internal import Internal
from gateway.media import open_store
from gateway.ops import Check, Ops
from gateway.outreach import Outreach
from gateway.polling import background
from gateway.settings import Settings
from gateway.store.database import make_pool
from gateway.webhooks import Inbox, Webhook
from gateway.worker import Worker


def serve(settings: Settings) -> Starlette:
    """Webhooks in, and what the agent asks of us."""
    pool = make_pool(settings.database_url.get_secret_value(), settings.database_pool_size)
    channels = settings.channels()
    inbox = Inbox(pool)
    checks: dict[str, Check] = {"postgres": lambda: postgres(pool), "channels": lambda: numbers(channels)}
    token = settings.internal_token.get_secret_value() if settings.internal_token else None
    internal = Internal(pool, open_store(settings.media_url), token)
    routes = [
        *Webhook(inbox, channels).routes(),
        *internal.routes(),
        *Outreach(pool, channels, internal.allowed).routes(),
        *Ops(checks, needed=frozenset({"postgres"})).routes(),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await pool.open(wait=False)
            stack.push_async_callback(pool.close)
            await stack.enter_async_context(background(inbox.run()))
            yield

    return Starlette(routes=routes, lifespan=lifespan)


def work(settings: Settings) -> Starlette:
    """Events to messages, messages to turns, replies to sends; over HTTP only health and metrics."""
    worker = Worker(settings)
    ops = Ops(worker.checks(), needed=frozenset({"postgres"}), warning=worker.warning)
    return Starlette(routes=ops.routes(), lifespan=lambda _: worker.lifespan())
