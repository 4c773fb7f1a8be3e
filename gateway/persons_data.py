"""The parts that export and erase one person's data, wired from the settings: for `gateway work` and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import redis.asyncio as redis

from gateway.customers.data_requests import DataRequests
from gateway.customers.erasure import Erasure, Tell
from gateway.customers.export import Export, ExportRequests
from gateway.customers.records import Records
from gateway.customers.tombstones import Tombstones
from gateway.runtime.agent_servers import AgentServers
from gateway.runtime.object_store import open_store
from gateway.settings import Settings
from gateway.store.database import Pool

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def tombstones(settings: Settings) -> Tombstones | None:
    """Return the tombstones of an installation; None without TOMBSTONE_KEY. Raises ValueError for a bad address."""
    if settings.tombstone_key is None:
        return None
    return Tombstones(
        settings.tombstone_key.get_secret_value(), open_store(settings.tombstone_url or settings.media_url)
    )


def valkey(settings: Settings) -> redis.Redis | None:
    """Return a client of Valkey, to be closed by the caller; None without REDIS_URL."""
    if not settings.redis_url:
        return None
    return redis.Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=1, socket_timeout=1)


def data_requests(
    settings: Settings, pool: Pool, http: httpx.AsyncClient, client: redis.Redis | None, objects: ObjectStore,
    tell: Tell | None = None,
) -> DataRequests:  # fmt: skip
    """Return the part that carries out requests; pool, http, client (of Valkey): opened and closed by the caller.

    tell: sends messages, which only `gateway work` does.
    """
    erasure = Erasure(pool, objects, tombstones(settings), _records(settings, http), client, tell)
    exports = ExportRequests(pool, export(settings, pool, http, objects), objects)
    return DataRequests(pool, {"erase": erasure, "export": exports})


def export(settings: Settings, pool: Pool, http: httpx.AsyncClient, objects: ObjectStore) -> Export:
    """Return the writer of exports; pool and http: opened and closed by the caller."""
    return Export(pool, objects, _records(settings, http))


def _records(settings: Settings, http: httpx.AsyncClient) -> Records:
    token = settings.langgraph_token
    return Records(http, AgentServers(settings.langgraph_url), token.get_secret_value() if token else None)
