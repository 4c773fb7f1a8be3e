"""The export and the erasure of one person who wrote for years: 5,000 messages, 300 files, among others' webhook items.

The agent server is a stand-in that answers at once; the database, the object store (a folder) and the file are real.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
from obstore.store import LocalStore

from bench.deliveries import payload
from gateway.customers.data_requests import DataRequests
from gateway.customers.erasure import Erasure
from gateway.customers.export import Export, File
from gateway.customers.records import Records
from gateway.customers.tombstones import Tombstones
from gateway.runtime.agent_servers import AgentServers
from gateway.store.customers import data_requests
from gateway.store.database import Pool, make_pool
from gateway.store.inbox import events
from gateway.store.migrate import migrate
from gateway.whatsapp.webhooks.items import items
from simulator.stack.postgres import Postgres

MESSAGES, FILES, FILE_BYTES = 5_000, 300, 300_000
EVENTS, SHARE = 50_000, 10  # webhook items, of which one in so many is the person's
PERSON = "5511987654321"
_BATCH = 5_000
_CONTACT = UUID("4a8a08f09d37b73795649038408b5f33")  # md5 of c

_ROWS = f"""
INSERT INTO contact (id, name) VALUES (md5('c')::uuid, 'Maria');
INSERT INTO contact_key (kind, value, contact_id) VALUES ('wa_id', '{PERSON}', md5('c')::uuid);
INSERT INTO conversation (id, channel_id, contact_id) VALUES (md5('v')::uuid, '1', md5('c')::uuid);
INSERT INTO message (id, conversation_id, direction, author, wamid, type, content, status, sent_at)
SELECT md5('m' || n)::uuid, md5('v')::uuid, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END,
       CASE n % 2 WHEN 0 THEN 'customer' ELSE 'agent' END, 'wamid.BENCH' || n, 'text',
       jsonb_build_object('type', 'text', 'text', repeat('palavra ', 20)), 'read', now()
FROM generate_series(1, {MESSAGES}) n;
INSERT INTO turn (conversation_id, state, steps, ended_at)
SELECT md5('v')::uuid, 'done', '["buscar_pedidos"]', now() FROM generate_series(1, {MESSAGES} / 2) n;
INSERT INTO media (message_id, channel_id, remote_id, kind, mime_type, status, path, wait_until)
SELECT md5('m' || n)::uuid, '1', n, 'image', 'image/jpeg', 'stored', '2026/01/' || n, now()
FROM generate_series(1, {FILES}) n;
"""


def _deliveries() -> Iterator[events.Row]:
    for number in range(EVENTS):
        sender = PERSON if number % SHARE == 0 else f"55119{10_000_000 + number}"
        yield from (events.row(item) for item in items(payload(sender, "Quando chegam as lentes?")))


async def _fill(url: str, folder: Path) -> None:
    rows = list(_deliveries())
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute(_ROWS.encode())
        for first in range(0, EVENTS, _BATCH):
            await events.keep(conn, rows[first : first + _BATCH])
        await conn.execute("UPDATE event SET state = 'done', processed_at = now()")
        await conn.execute("VACUUM ANALYZE")
    (folder / "2026" / "01").mkdir(parents=True)
    noise = memoryview(bytes(range(256)) * (FILE_BYTES // 256 + FILES))
    for number in range(1, FILES + 1):
        (folder / "2026" / "01" / str(number)).write_bytes(noise[number : number + FILE_BYTES])


async def _measured(url: str, folder: Path) -> None:
    objects, pool = LocalStore(folder), make_pool(url, 4)
    await pool.open()
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    try:
        async with httpx.AsyncClient(transport=answers) as http:
            records = Records(http, AgentServers("http://agent"), None)
            for _ in range(3):
                await _export(Export(pool, objects, records), folder / "export.zip")
            await _erase(pool, Erasure(pool, objects, Tombstones("the-key", objects), records, None))
    finally:
        await pool.close()


async def _export(export: Export, to: Path) -> None:
    with _Clock("export") as clock, to.open("wb") as file:
        written = await export.write(_CONTACT, uuid4(), File(file))
        size = file.tell()
    print(f"{clock}: {written.counts['messages']:,} messages, {written.counts['files']} files, "
          f"{written.counts['events']:,} of {EVENTS:,} webhook items, {size / 1e6:.0f} MB")  # fmt: skip


async def _erase(pool: Pool, erasure: Erasure) -> None:
    requests = DataRequests(pool, {"erase": erasure})
    with _Clock("erasure") as clock:
        async with pool.connection() as conn:
            asked = await data_requests.ask(conn, "erase", _CONTACT, "command")
        while await requests.go_on(asked.id):
            continue
    async with pool.connection() as conn:
        ended = await data_requests.find(conn, asked.id)
    print(f"{clock}: {ended and ended.state}")


class _Clock:
    """The seconds that something takes, and those of this process's processor."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = ""

    def __enter__(self) -> _Clock:
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        took, busy = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        self._text = f"{self._name} {took:.1f} s ({busy:.1f} s of the processor)"

    def __str__(self) -> str:
        return self._text


def main() -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        with Postgres(Path(directory) / "postgres", durable=True) as postgres:
            url = postgres.create_database("person")
            migrate(url)
            folder = Path(directory) / "files"
            asyncio.run(_fill(url, folder))
            asyncio.run(_measured(url, folder))


if __name__ == "__main__":
    main()
