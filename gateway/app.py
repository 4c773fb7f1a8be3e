"""The two processes and their doors: everything with a lifetime is opened here, and closed in the opposite order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gateway.checks import numbers, postgres
from gateway.hosts import KnownHosts
from gateway.internal import Internal
from gateway.media import open_store
from gateway.ops import Check, Ops, alive
from gateway.outreach import Outreach
from gateway.polling import background
from gateway.serving import Door, Process
from gateway.settings import Settings
from gateway.store.database import make_pool
from gateway.webhooks import Inbox, Webhook
from gateway.worker import Worker


def serve(settings: Settings) -> Process:
    """Webhooks in by one door, the only one for the internet; by the other what the agent and operators ask of us."""
    pool = make_pool(settings.database_url.get_secret_value(), settings.database_pool_size)
    channels = settings.channels()
    inbox = Inbox(pool)
    outside = Starlette(routes=[*Webhook(inbox, channels).routes(), alive()])
    outside.router.redirect_slashes = False
    webhook = Door(outside, settings.gateway_host, settings.gateway_port, "GATEWAY_PORT")
    token = settings.internal_token.get_secret_value() if settings.internal_token else None
    internal = Internal(pool, open_store(settings.media_url), token)
    checks: dict[str, Check] = {
        "postgres": lambda: postgres(pool),
        "channels": lambda: numbers(channels),
        "webhook": webhook.problem,
    }
    routes = [
        *internal.routes(),
        *Outreach(pool, channels, internal.allowed).routes(),
        *Ops(checks, needed=frozenset({"postgres", "webhook"})).routes(),
    ]

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await pool.open(wait=False)
            stack.push_async_callback(pool.close)
            await stack.enter_async_context(background(inbox.run()))
            yield

    inside = Door(_for_us(routes, settings), settings.gateway_host, settings.ops_port, "OPS_PORT")
    return Process("serve", [webhook, inside], lifespan, settings.drain_seconds)


def _for_us(routes: Sequence[BaseRoute], settings: Settings) -> Starlette:
    """What is behind a port that is not for Meta: called by known names only."""
    return Starlette(routes=routes, middleware=[Middleware(KnownHosts, names=settings.known_hosts.split(","))])


def work(settings: Settings) -> Process:
    """Events to messages, messages to turns, replies to sends; over HTTP only health and metrics."""
    worker = Worker(settings)
    ops = Ops(worker.checks(), needed=frozenset({"postgres"}), warning=worker.warning)
    door = Door(_for_us(ops.routes(), settings), settings.gateway_host, settings.work_port, "WORK_PORT")
    return Process("work", [door], worker.lifespan, settings.drain_seconds)
