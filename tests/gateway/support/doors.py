"""The applications of `serve` within this process, with its lifespan, called without ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx

from gateway.serve import serve
from gateway.settings import Settings


class Doors(NamedTuple):
    """A client for the webhook's door, and one for the door of the agent and of operators."""

    webhook: httpx.AsyncClient
    ops: httpx.AsyncClient


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Doors]:
    """Open both doors as long as the block lasts."""
    process = serve(settings)
    outside, inside = (httpx.ASGITransport(door.app) for door in process.doors)
    webhook = httpx.AsyncClient(transport=outside, base_url="http://localhost")
    ops = httpx.AsyncClient(transport=inside, base_url="http://localhost")
    async with process.lifespan(), webhook, ops:
        yield Doors(webhook, ops)
