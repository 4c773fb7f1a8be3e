"""The process of the console, and its ports: pages for people, health and metrics for operators."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import httpx

from gateway.console.app import make_app
from gateway.console.listener import Listener
from gateway.console.parts import Parts
from gateway.console.settings import ConsoleSettings
from gateway.console.signed_in import Cookies
from gateway.health_checks import postgres
from gateway.runtime.hosts import known_hosts_only
from gateway.runtime.operations import Check, Ops
from gateway.runtime.serving import Door, Process
from gateway.store.database import make_pool

#: Where people post files; their sizes are bounded where they are read.
FILES = re.compile(r"/console/(conversations/[^/]+/files|canned/files|knowledge/imports/file)")


def new_http_client() -> httpx.AsyncClient:
    """Return the client by which the agent server and the issuer of the company's accounts are asked."""
    return httpx.AsyncClient()


def console(settings: ConsoleSettings) -> Process:
    """Pages by one door; by the other what operators ask."""
    url = settings.database_url.get_secret_value()
    pool, listener, http = make_pool(url, settings.database_pool_size), Listener(url), new_http_client()
    parts = Parts(pool, settings, Cookies(secure=settings.secure), http, listener)
    bounds = replace(settings.bounds(), streamed=FILES)
    pages = Door(make_app(parts), settings.gateway_host, settings.console_port, "CONSOLE_PORT", bounds)
    checks: dict[str, Check] = {"postgres": lambda: postgres(pool), "pages": pages.problem}
    ops = known_hosts_only(Ops(checks, needed=frozenset(checks)).routes(), settings.known_hosts)
    inside = Door(ops, settings.gateway_host, settings.console_ops_port, "CONSOLE_OPS_PORT", settings.bounds())

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await pool.open(wait=False)
            stack.push_async_callback(pool.close)
            await stack.enter_async_context(http)
            await stack.enter_async_context(listener.running())
            yield

    return Process("console", [pages, inside], lifespan, settings.drain_seconds, ending=listener.close)
