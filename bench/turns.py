"""The time that the gateway adds to a turn, and the cost of 500 turns in flight for one `gateway work`.

Overhead: from the commit of the inbound message to the reply's arrival at Meta, less the quiet period and the run.
Next to it is the time of the same exchange without a gateway: one request for the run and one send, one by one.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import uvicorn
import uvloop

from bench.deliveries import NUMBER, payload
from bench.servers import Servers
from gateway.store.database import make_pool
from gateway.store.inbox import events
from gateway.store.migrate import migrate
from gateway.whatsapp.webhooks.items import items
from simulator.ports import free_port
from simulator.stack.postgres import Postgres

QUIET_SECONDS = 0.3
RUN_SECONDS = 0.2
TURNS = 300
IN_FLIGHT = 500


@asynccontextmanager
async def served(servers: Servers, port: int) -> AsyncIterator[None]:
    """Serve the app on a port, in this process."""
    server = uvicorn.Server(uvicorn.Config(servers.app, port=port, log_level="warning", access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task


@contextmanager
def worker(url: str, port: int) -> Iterator[psutil.Process]:
    """Run `gateway work` against these servers."""
    environment = {
        "DATABASE_URL": url,
        "WHATSAPP_PHONE_NUMBER_ID": NUMBER,
        "WHATSAPP_ACCESS_TOKEN": "unused",
        "WHATSAPP_GRAPH_URL": f"http://127.0.0.1:{port}",
        "LANGGRAPH_URL": f"http://127.0.0.1:{port}",
        "QUIET_PERIOD_SECONDS": str(QUIET_SECONDS),
        "WORK_PORT": str(free_port()),
        "TURNS_IN_FLIGHT": str(IN_FLIGHT),
        "LOG_LEVEL": "error",
        "CHANNELS_FILE": os.environ["BENCH_CHANNELS_FILE"],
    }
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", "work"], env={**os.environ, **environment})
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


async def write(url: str, customers: list[str], pause: float) -> None:
    """Let customers write, one after the other."""
    async with make_pool(url, 4) as pool, pool.connection() as conn:
        for wa_id in customers:
            await events.keep(conn, [events.row(one) for one in items(payload(wa_id, "Olá"))])
            await asyncio.sleep(pause)


async def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # other processes set it
            await asyncio.sleep(0.02)


def committed(url: str) -> dict[str, float]:
    """Return when each customer's message was committed."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            """SELECT k.value, extract(epoch FROM m.created_at)::float8 FROM message m
               JOIN conversation c ON c.id = m.conversation_id JOIN contact_key k USING (contact_id)
               WHERE m.direction = 'in'"""
        ).fetchall()
    return dict(rows)


async def without_gateway(port: int) -> float:
    """Return the milliseconds of the same requests, one after the other, by a plain client."""
    seconds = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for n in range(100):
            started = time.perf_counter()
            body = {"input": {"turn_id": "t"}, "context": {"customer_keys": [{"value": f"bare{n}"}]}}
            await http.post("/threads/t/runs/wait", json=body)
            await http.post("/v26.0/n/messages", json={"to": f"+bare{n}"})
            seconds.append(time.perf_counter() - started - RUN_SECONDS)
    return 1000 * statistics.median(seconds)


async def overhead(url: str) -> None:
    """Run turns at a steady pace, and print the percentiles of the time that the gateway adds."""
    servers, port = Servers(RUN_SECONDS), free_port()
    async with served(servers, port):
        bare = await without_gateway(port)
        with worker(url, port):
            await asyncio.sleep(2)
            customers = [f"55118{n:08d}" for n in range(TURNS)]
            await write(url, customers, 0.05)
            await until(lambda: all(wa_id in servers.times.sent for wa_id in customers))
    began = committed(url)
    times = servers.times
    added = sorted(
        1000 * (times.sent[w] - began[w] - QUIET_SECONDS - (times.ended[w] - times.asked[w])) for w in customers
    )
    print(f"\noverhead of a turn, {TURNS} turns, 20 a second")
    print(f"{'':<24}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}")
    print(f"{'gateway work':<24}" + "".join(f"{added[int(share * TURNS)]:>8.1f}" for share in (0.5, 0.95, 0.99)))
    print(f"{'the requests alone':<24}{bare:>8.1f}")


async def in_flight(url: str) -> None:
    """Run many turns whose runs do not end, and print the worker's memory, then how long the replies take."""
    servers, port = Servers(0), free_port()
    async with served(servers, port):
        with worker(url, port) as process:
            await asyncio.sleep(2)
            before = process.memory_info().rss
            customers = [f"55117{n:08d}" for n in range(IN_FLIGHT)]
            await write(url, customers, 0)
            await until(lambda: servers.joined >= IN_FLIGHT)
            held = process.memory_info().rss
            released = time.time()
            servers.end.set()
            await until(lambda: all(wa_id in servers.times.sent for wa_id in customers))
            peak = process.memory_info().rss
    replied = max(servers.times.sent[w] for w in customers) - released
    print(f"\n{IN_FLIGHT} turns in flight in one gateway work")
    print(f"{'idle MB':>10}{'held MB':>10}{'after MB':>10}{'all replied s':>15}")
    print(f"{before / 1e6:>10.0f}{held / 1e6:>10.0f}{peak / 1e6:>10.0f}{replied:>15.1f}")


def unlimited(directory: Path) -> None:
    """Have the workers send without the number's own rate limit, which would slow the measurement."""
    channels = directory / "channels.json"
    channel = {"phone_number_id": NUMBER, "access_token": "unused", "messages_per_second": 1000}
    channels.write_text(json.dumps({"channels": [channel]}))
    os.environ["BENCH_CHANNELS_FILE"] = str(channels)


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        unlimited(Path(directory))
        with Postgres(Path(directory) / "postgres", durable=True) as postgres:
            for number, bench in enumerate((overhead, in_flight)):
                url = postgres.create_database(f"turns_{number}")
                migrate(url)
                uvloop.run(bench(url))


if __name__ == "__main__":
    main()
