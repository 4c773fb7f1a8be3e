"""The doors of `serve` within this process: its lifetime is on, each door is called without a port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx

from gateway.serve import serve
from gateway.settings import Settings


class Doors(NamedTuple):
    """A client for each: what Meta calls, and what the agent and operators call."""

    webhook: httpx.AsyncClient
    ops: httpx.AsyncClient


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Doors]:
    """Both doors, for as long as this lasts."""
    process = serve(settings)
    outside, inside = (httpx.ASGITransport(door.app) for door in process.doors)
    webhook = httpx.AsyncClient(transport=outside, base_url="http://localhost")
    ops = httpx.AsyncClient(transport=inside, base_url="http://localhost")
    async with process.lifespan(), webhook, ops:
        yield Doors(webhook, ops)
