"""The process that receives webhooks, and its ports. Its parts are opened here, and closed in reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from gateway.health_checks import postgres, signed_numbers
from gateway.inbox.late_signatures import LOOK_SECONDS, LateSignatures
from gateway.inbox.webhook import Webhook
from gateway.inbox.webhook_rows import RowBounds
from gateway.inbox.writer import Inbox
from gateway.internal.auth import BearerToken
from gateway.internal.routes import Internal
from gateway.numbers.channels import Channels
from gateway.outbox.proactive import TemplateRoutes
from gateway.runtime.hosts import known_hosts_only
from gateway.runtime.loops import background, poll
from gateway.runtime.object_store import open_store
from gateway.runtime.operations import Check, Ops, alive
from gateway.runtime.serving import Door, Process
from gateway.settings import Settings
from gateway.store.database import Pool, make_pool

# Only `work` calls Meta, so that only it has access tokens.
_SECRETS = ("app_secrets", "verify_token")


def _late_signatures(pool: Pool, channels: Channels) -> Coroutine[Any, Any, None]:
    step = LateSignatures(pool, channels).step
    return poll("late_signatures", step, wake=asyncio.Event(), stop=asyncio.Event(), at_most=LOOK_SECONDS)


def serve(settings: Settings) -> Process:
    """Return the process: one port for webhooks, the only one for the internet, and one for the agent and operators."""
    pool = make_pool(settings.database_url.get_secret_value(), settings.database_pool_size)
    channels, bounds = settings.channels(_SECRETS), settings.bounds()
    inbox = Inbox(pool)
    rows = RowBounds(settings.webhook_items, settings.webhook_rows_bytes)
    outside = Starlette(routes=[*Webhook(inbox, channels, rows).routes(), alive()])
    outside.router.redirect_slashes = False
    internal = Internal(pool, open_store(settings.media_url), settings.capabilities())
    webhook = Door(outside, settings.gateway_host, settings.gateway_port, "GATEWAY_PORT", bounds)
    token = BearerToken(settings.templates_token.get_secret_value() if settings.templates_token else None)
    checks: dict[str, Check] = {
        "postgres": lambda: postgres(pool),
        "channels": lambda: signed_numbers(channels),
        "webhook": webhook.problem,
    }
    routes = [
        *internal.routes(),
        *TemplateRoutes(pool, channels, token.is_shown_by).routes(),
        *Ops(checks, needed=frozenset({"postgres", "webhook"})).routes(),
    ]

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await pool.open(wait=False)
            stack.push_async_callback(pool.close)
            await stack.enter_async_context(background(inbox.run()))
            await stack.enter_async_context(background(_late_signatures(pool, channels)))
            yield

    inside = Door(
        known_hosts_only(routes, settings.known_hosts), settings.gateway_host, settings.ops_port, "OPS_PORT", bounds
    )
    return Process("serve", [webhook, inside], lifespan, settings.drain_seconds)
