"""The routes under `/internal`, called as a run of the agent calls them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
from obstore.store import MemoryStore
from starlette.applications import Starlette

from gateway.internal.routes import Internal
from gateway.runtime.capabilities import Capabilities
from gateway.store.database import Pool
from tests.gateway.support.harness import INTERNAL_TOKEN


async def open_turn(pool: Pool, contact_id: UUID) -> UUID:
    """Open a turn of a customer and return its id."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            """WITH held AS (INSERT INTO conversation (channel_id, contact_id) VALUES ('9', %s) RETURNING id)
               INSERT INTO turn (conversation_id) SELECT id FROM held RETURNING id""",
            (contact_id,),
        )
        row = await cursor.fetchone()
        return row[0]  # type: ignore[index,no-any-return]


def capability(turn_id: UUID, customer_id: UUID, token: str = INTERNAL_TOKEN) -> str:
    """Return the capability of a run; token: the secret that signs it."""
    return str(Capabilities(token).issue(turn_id, customer_id, 60))


def runs_client(pool: Pool, shown: str, objects: Any = None) -> httpx.AsyncClient:
    """Return a client that shows this bearer token to the gateway. objects: the object store."""
    routes = Internal(pool, objects or MemoryStore(), Capabilities(INTERNAL_TOKEN)).routes()
    transport = httpx.ASGITransport(Starlette(routes=routes))
    headers = {"authorization": f"Bearer {shown}"}
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


async def customers_client(pool: Pool, contact_id: UUID, objects: Any = None) -> httpx.AsyncClient:
    """Return the client of a run that answers an open turn of this customer."""
    return runs_client(pool, capability(await open_turn(pool, contact_id), contact_id), objects)
