"""Replay on a restored backup: the newest schema, people erased again, all that was under way settled.

It is what a real restore does (docs/backup.md), without the agent server and with copies of the tombstones: nothing of
the installation is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import obstore
from obstore.store import MemoryStore

from gateway.backup.errors import BackupError
from gateway.customers.erasure import Erasure
from gateway.customers.records import Records
from gateway.customers.tombstones import PREFIX, Tombstones
from gateway.runtime.agent_servers import AgentServers
from gateway.store import restored
from gateway.store.customers import data_requests
from gateway.store.database import Pool, make_pool

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_CONNECT_SECONDS = 10.0
#: The steps of an erasure in the gateway's database; the agent's memory and the business data need their servers.
_STEPS = ("tombstone", "limits", "messages", "events", "rows")


async def replay(url: str, key: str | None, objects: ObjectStore) -> int:
    """Erase the people again whom the backup brought back, and settle the rest; return how many they were.

    key: TOMBSTONE_KEY; None: nobody was ever erased. objects: where the tombstones are. Raises BackupError.
    """
    pool = make_pool(url, 2)
    await pool.open(wait=True, timeout=_CONNECT_SECONDS)
    try:
        people = await _erase_again(pool, Tombstones(key, await _copies(objects))) if key else 0
        async with pool.connection() as conn:
            await restored.finish(conn, "drill")
    finally:
        await pool.close()
    return people


async def _copies(objects: ObjectStore) -> MemoryStore:
    """Return copies of the tombstones: an erasure writes its tombstones anew, with its own time."""
    copies = MemoryStore()
    async for page in obstore.list(objects, f"{PREFIX}/"):
        for one in page:
            content = await (await obstore.get_async(objects, one["path"])).bytes_async()
            await obstore.put_async(copies, one["path"], bytes(content))
    return copies


async def _erase_again(pool: Pool, tombstones: Tombstones) -> int:
    async with pool.connection() as conn:
        await tombstones.restore(conn)
        back = await tombstones.returned(conn)
    async with httpx.AsyncClient() as http:
        nowhere = Records(http, AgentServers("http://localhost"), None)  # none of the drill's steps asks there
        erasure = Erasure(pool, MemoryStore(), tombstones, nowhere, None)
        for contact_id in back:
            await _erase(pool, erasure, contact_id)
    async with pool.connection() as conn:
        if await tombstones.returned(conn):
            raise BackupError("people who were erased are in the restored database, and were not erased again")
    return len(back)


async def _erase(pool: Pool, erasure: Erasure, contact_id: UUID) -> None:
    async with pool.connection() as conn:
        request = await data_requests.ask(conn, "erase", contact_id, "command")
    for request.step in _STEPS:
        while not await erasure.advance(request):
            continue
