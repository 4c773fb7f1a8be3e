"""How many turns three agent servers answer in the time in which one answers one, with a model that takes its time.

Each server works on eight turns at once. A turn asks for an order, so that it calls the model twice. A quarter more
customers write than the servers can answer, one after another: turns that begin together wait for the model together,
and then for processors. The rate is that of the middle of the answers, where all servers are busy.
``python -m bench.replicas 6 56`` has a model that takes 6 s instead of 2, and 56 turns for each server.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.long import answer, stack
from bench.processor import Meter
from simulator.keys import Keys
from simulator.load import MAX_CONCURRENT_WRITES, Load
from simulator.ports import free_ports

MODEL_SECONDS = 2.0
JOBS = 8
TURNS_PER_SERVER = 144
CALLS_PER_TURN = 2
WRITTEN = 1.25  # times what the servers can answer at most
MEASURED = (0.15, 0.8)  # from this share of the answers to that one
GATEWAY = ("gateway work", "gateway serve", "postgres", "simulator")


@dataclass
class Watch:
    """The times of the answers, and the processor time from one share of them to another."""

    turns: int
    meter: Meter
    counts: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    taken: dict[str, float] = field(default_factory=dict)
    idle: float = 0.0

    def saw(self, count: int) -> None:
        """Note how many are answered by now."""
        first, last = (share * self.turns for share in MEASURED)
        if not first <= count or self.taken:
            return
        if not self.times:
            self.meter.since()
            psutil.cpu_times_percent()
        if count <= last:
            self.counts.append(count)
            self.times.append(time.monotonic())
        else:
            self.taken, self.idle = self.meter.since(), psutil.cpu_times_percent().idle

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return statistics.linear_regression(self.times, self.counts).slope

    def cost(self, *names: str) -> float:
        """Return the processor time of these parts, in milliseconds a turn."""
        return 1000 * sum(self.taken[name] for name in names) / (self.counts[-1] - self.counts[0])


@asynccontextmanager
async def simulator(directory: Path, state: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """Provide a client of the stack's simulator."""
    headers = {"Authorization": f"Bearer {Keys.load(directory).control}"}
    limits = httpx.Limits(max_connections=MAX_CONCURRENT_WRITES + 2)
    async with httpx.AsyncClient(
        base_url=state["addresses"]["simulator"], headers=headers, timeout=60, limits=limits
    ) as client:
        yield client


async def measure(directory: Path, servers: int, model_seconds: float, turns: int) -> Watch:
    """Return what was seen of a stack with so many agent servers, and so many turns in all."""
    environment = {"AGENT_REPLICAS": str(servers), "AGENT_JOBS": str(JOBS), "LANGGRAPH_PORT": str(free_ports(servers))}
    most = servers * JOBS / (CALLS_PER_TURN * model_seconds)  # turns a second
    with stack(directory, **environment) as state:
        pids = {one["name"]: one["pid"] for one in state["processes"]}
        watch = Watch(turns, Meter(pids))
        async with simulator(directory, state) as client:
            await answer(client, 20)
            delay = {"on": "model", "kind": "delay", "times": None, "seconds": model_seconds}
            (await client.post("/_sim/faults", json=delay)).raise_for_status()
            report = await Load(client, turns, 1, turns / (WRITTEN * most)).run(600, watch.saw)
        if not report.correct:
            raise SystemExit(f"not answered correctly: {report.lost} lost, {report.duplicated} duplicated")
    return watch


def _row(servers: int, watch: Watch) -> str:
    agents = [name for name in watch.taken if name.startswith("agent")]
    costs = (watch.cost(*agents), *(watch.cost(name) for name in GATEWAY))
    return (
        f"{servers:>7}{60 * watch.per_second:>11.0f}{watch.idle:>12.0f}{watch.cost(*watch.taken):>9.0f}"
        f"{costs[0]:>9.0f}"
        + "".join(f"{cost:>{len(name) + 4}.0f}" for name, cost in zip(GATEWAY, costs[1:], strict=True))
    )


def main(model_seconds: float = MODEL_SECONDS, turns_per_server: float = TURNS_PER_SERVER) -> None:
    """Print both lines, and how many times as fast three servers are."""
    print(f"a model that takes {model_seconds:g} s, {JOBS} turns at once at each server; processor time in ms a turn")
    print(f"{'servers':>7}{'turns/min':>11}{'idle %':>12}{'all':>9}{'agents':>9}", end="")
    print("".join(f"{name:>{len(name) + 4}}" for name in GATEWAY))
    rates = []
    for servers in (1, 3):
        with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
            Path(directory).chmod(0o755)
            watch = asyncio.run(measure(Path(directory), servers, model_seconds, int(turns_per_server) * servers))
        rates.append(watch.per_second)
        print(_row(servers, watch), flush=True)
    print(f"three servers answer {rates[1] / rates[0]:.2f} times as many turns as one")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
