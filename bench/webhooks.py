"""Durable acknowledgements a second: `gateway serve` next to a bare handler and one that inserts for each request."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.deliveries import NUMBER, SECRET, requests
from bench.load import Result, load
from gateway.store.migrate import migrate
from simulator.ports import free_port
from simulator.stack.postgres import Postgres

WARM_UP_SECONDS, LOAD_SECONDS = 0.5, 5.0
CONNECTIONS = (1, 16, 64)
_UVICORN = ["-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--no-server-header"]


@contextmanager
def server(arguments: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """Run a server process that answers on a port."""
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **environment})
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")


def measure(name: str, url: str, connections: int) -> Result:
    """Return one cell of the table: a new server, warmed up, under load."""
    port = free_port()
    environment = {
        "DATABASE_URL": url,
        "WHATSAPP_PHONE_NUMBER_ID": NUMBER,
        "WHATSAPP_ACCESS_TOKEN": "unused",
        "WHATSAPP_APP_SECRET": SECRET,
        "GATEWAY_PORT": str(port),
        "OPS_PORT": str(free_port()),
        "LOG_LEVEL": "warning",
    }
    arguments = ["-m", "gateway.cli", "serve"] if name == "serve" else [*_UVICORN, "--port", str(port), f"bench.handlers:{name}"]  # fmt: skip  # noqa: E501
    # Signing costs the generator as much as checking costs the server, so bodies are made before the measurement.
    ready = list(itertools.islice(requests(), 40_000))
    with server(arguments, port, environment):
        asyncio.run(load(port, connections, WARM_UP_SECONDS, iter(ready[:10_000])))
        return asyncio.run(load(port, connections, LOAD_SECONDS, itertools.cycle(ready[10_000:])))


def main() -> None:
    """Print the table."""
    print(f"{'connections':>11} {'handler':<10} {'acks/s':>8} {'of bare':>8} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        with Postgres(Path(directory) / "postgres", durable=True) as postgres:
            for connections in CONNECTIONS:
                results = {}
                for name in ("bare", "inserting", "serve"):
                    url = postgres.create_database(f"{name}_{connections}")
                    migrate(url)
                    results[name] = measure(name, url, connections)
                for name, result in results.items():
                    print(_row(connections, name, result, results["bare"]))


def _row(connections: int, name: str, result: Result, bare: Result) -> str:
    percentiles = "".join(f" {result.percentile(share):>8.1f}" for share in (0.5, 0.95, 0.99))
    failed = f"  {result.failures} FAILED" if result.failures else ""
    return f"{connections:>11} {name:<10} {result.rate:>8.0f} {result.rate / bare.rate:>8.2f}{percentiles}{failed}"


if __name__ == "__main__":
    main()
