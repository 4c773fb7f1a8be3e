"""How much of Meta's send rates four workers use when there is always work: 80 messages a second, and a pair's."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis.asyncio as redis

from gateway.outbox.rate_limits import MESSAGES_PER_SECOND, PAIR_BURST, PAIR_SECONDS, Limiter
from gateway.store.database import make_pool
from gateway.store.migrate import migrate
from simulator.stack.postgres import Postgres
from simulator.stack.valkey import Valkey

WORKERS = 4
SENDS_AT_ONCE = 16  # of each worker, which wait for their slots as the sender's do
SECONDS = 10.0


async def slots(limiters: list[Limiter], customer: Callable[[], str], per_second: float) -> tuple[int, float]:
    """Take all slots that there are for some seconds; return their number, and how long that took."""
    connects = [one.acquire("2", "nobody", 1e6) for one in limiters for _ in range(SENDS_AT_ONCE)]
    await asyncio.gather(*connects)
    began, taken = time.monotonic(), 0

    async def send(limiter: Limiter) -> None:
        nonlocal taken
        while (left := began + SECONDS - time.monotonic()) > 0:
            wait = await limiter.acquire("1", customer(), per_second)
            if wait:
                await asyncio.sleep(min(wait, left))
            elif time.monotonic() < began + SECONDS:
                taken += 1

    await asyncio.gather(*(send(limiter) for limiter in limiters for _ in range(SENDS_AT_ONCE)))
    return taken, SECONDS


async def measure(database: str, valkey: str | None) -> None:
    """Print a line for each limit, kept in Valkey or, without an address, in Postgres."""
    async with contextlib.AsyncExitStack() as stack:
        limiters = []
        for _ in range(WORKERS):
            client = await stack.enter_async_context(redis.Redis.from_url(valkey)) if valkey else None
            limiters.append(Limiter(client, await stack.enter_async_context(make_pool(database, 10))))
        numbers = itertools.count()
        sent, seconds = await slots(limiters, lambda: str(next(numbers)), MESSAGES_PER_SECOND)
        print(_row("number", valkey, sent, seconds * MESSAGES_PER_SECOND))
        sent, seconds = await slots(limiters, lambda: "maria", 1e6)
        print(_row("pair", valkey, sent, PAIR_BURST + seconds // PAIR_SECONDS))


def _row(limit: str, valkey: str | None, sent: int, allowed: float) -> str:
    return f"{limit:<8}{'Valkey' if valkey else 'Postgres':<10}{sent:>6}{allowed:>9.0f}{sent / allowed:>8.3f}"


def main() -> None:
    """Print the table."""
    print(f"{WORKERS} workers, {SECONDS:g} s\n{'limit':<8}{'kept in':<10}{'sent':>6}{'allowed':>9}{'share':>8}")
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        with Postgres(Path(directory) / "postgres") as postgres, Valkey(Path(directory) / "valkey") as valkey:
            for number, url in enumerate((valkey.url, None)):
                database = postgres.create_database(f"limits_{number}")
                migrate(database)
                asyncio.run(measure(database, url))


if __name__ == "__main__":
    main()
