"""The cost of a turn for one ``gateway work`` with an agent server and a Meta that answer at once; idle too.

The servers are in the process of the bench, whose own cost is printed: all processes share the machine's cores.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import uvloop

from bench.processor import Meter
from bench.servers import Servers
from bench.turns import served, unlimited, until, worker, write
from gateway.store.migrate import migrate
from simulator.ports import free_port
from simulator.stack.postgres import Postgres

TURNS = 2000
WARM_UP_TURNS = 100
IDLE_SECONDS = 60.0  # in which each duty comes once


def transactions(url: str) -> int:
    """Return how many transactions the database has had, without those of this process."""
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0


async def idle(url: str) -> float:
    """Return the transactions a second of a worker without work."""
    await asyncio.sleep(5)  # it has started, and sessions have reported their transactions
    before, started = transactions(url), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    return (transactions(url) - before - 1) / (time.monotonic() - started)


async def answered(servers: Servers, url: str, prefix: str, turns: int) -> float:
    """Let customers write at once, and return the seconds until all are answered."""
    customers = [f"{prefix}{n:08d}" for n in range(turns)]
    started = time.monotonic()
    await write(url, customers, 0)
    await until(lambda: all(wa_id in servers.times.sent for wa_id in customers), seconds=600)
    return time.monotonic() - started


async def measure(url: str, postmaster: int, turns: int) -> None:
    """Print the costs of one worker."""
    servers, port = Servers(0), free_port()
    servers.end.set()
    async with served(servers, port):
        with worker(url, port) as process:
            idling = await idle(url)  # before the turns: afterwards Postgres tidies up in transactions of its own
            await answered(servers, url, "55115", WARM_UP_TURNS)
            meter, before = Meter({"work": process.pid, "postgres": postmaster}), transactions(url)
            own = time.process_time()
            psutil.cpu_times_percent()
            seconds = await answered(servers, url, "55116", turns)
            free = psutil.cpu_times_percent().idle
            await asyncio.sleep(2)
            made, taken = transactions(url) - before, meter.since() | {"bench": time.process_time() - own}
    print(f"\n{turns} turns of one gateway work, with servers that answer at once")
    print(f"{'turns/s':>8}{'processors idle %':>19}{'transactions/turn':>19}", end="")
    print("".join(f"{name + ' ms/turn':>18}" for name in taken) + f"{'transactions/s without work':>29}")
    costs = "".join(f"{1000 * cost / turns:>18.1f}" for cost in taken.values())
    print(f"{turns / seconds:>8.1f}{free:>19.0f}{made / turns:>19.1f}{costs}{idling:>29.1f}")


def main(turns: int = TURNS) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        unlimited(Path(directory))
        with Postgres(Path(directory) / "postgres", durable=True) as postgres:
            url = postgres.create_database("instant")
            migrate(url)
            uvloop.run(measure(url, postgres.pid, turns))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
