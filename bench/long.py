"""The cost of a turn of the whole local stack, early and late: it must not depend on how many turns came before.

Every turn is a new customer's, who asks for an order, so that no conversation grows. The turns are measured in tenths.
``python -m bench.long 2000`` runs fewer turns than the default. The results are kept in ``bench/results``.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.plot import Line, plot
from bench.processor import Meter
from simulator.keys import Keys
from simulator.load import MAX_CONCURRENT_WRITES, Load
from simulator.ports import free_port

TURNS = 10_000
PARTS = 10
OFFERED_PER_SECOND = 50.0
START_SECONDS = 300.0
RESULTS = Path(__file__).parent / "results"
PORTS = (
    "GATEWAY_PORT",
    "OPS_PORT",
    "WORK_PORT",
    "CONSOLE_PORT",
    "CONSOLE_OPS_PORT",
    "LANGGRAPH_PORT",
    "SIMULATOR_PORT",
)
MEASURED = ("gateway work", "agent", "postgres", "simulator", "gateway serve")


@dataclass(frozen=True)
class Part:
    """A tenth of the turns: how many came before its end, how many were answered a second, and what one cost (ms)."""

    turns: int
    per_second: float
    cost: dict[str, float]


@contextmanager
def stack(directory: Path, **environment: str) -> Iterator[dict[str, Any]]:
    """Run the local stack in a directory, with more settings, and provide its state file's content."""
    own = {"DEV_DIR": str(directory), "LOG_LEVEL": "warning", **{name: str(free_port()) for name in PORTS}}
    own |= environment
    command = [sys.executable, "-m", "simulator", "up"]
    process = subprocess.Popen(command, env={**os.environ, **own}, stdout=subprocess.DEVNULL)
    try:
        yield _state(directory, process)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _state(directory: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    path, end = directory / "stack.json", time.monotonic() + START_SECONDS
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the local stack does not start: see {directory / 'logs'}")
        time.sleep(0.2)
    state: dict[str, Any] = json.loads(path.read_text())
    return state


async def answer(client: httpx.AsyncClient, turns: int) -> float:
    """Let so many new customers write once, and return the seconds until all are answered."""
    load, started = Load(client, turns, 1, turns / OFFERED_PER_SECOND), time.monotonic()
    ended: list[float] = []

    def progress(count: int) -> None:
        if count >= turns and not ended:
            ended.append(time.monotonic())

    report = await load.run(timeout_seconds=max(600.0, turns), on_progress=progress)
    if not report.correct:
        raise SystemExit(f"the turns were not answered correctly: {report.lost} lost, {report.duplicated} duplicated")
    return ended[0] - started


async def measure(directory: Path, turns: int) -> list[Part]:
    """Return the costs of each tenth of the turns on a fresh stack, after a few that are not counted."""
    with stack(directory) as state:
        pids = {one["name"]: one["pid"] for one in state["processes"]}
        headers = {"Authorization": f"Bearer {Keys.load(directory).control}"}
        limits = httpx.Limits(max_connections=MAX_CONCURRENT_WRITES + 2)
        address = state["addresses"]["simulator"]
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60, limits=limits) as client:
            await answer(client, 20)
            meter, parts, size = Meter({name: pids[name] for name in MEASURED}), [], turns // PARTS
            for n in range(PARTS):
                meter.since()
                seconds = await answer(client, size)
                cost = {name: 1000 * taken / size for name, taken in meter.since().items()}
                parts.append(Part((n + 1) * size, size / seconds, cost))
                print(_row(parts[-1]), flush=True)
    return parts


def _row(part: Part) -> str:
    costs = "".join(f"{part.cost[name]:>17.1f}" for name in MEASURED)
    return f"{part.turns:>7}{part.per_second:>9.1f}{costs}{sum(part.cost.values()):>9.1f}"


def save(parts: list[Part]) -> None:
    """Write the results as a table and as a plot."""
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "long.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["turns", "turns_per_second", *(f"{name.replace(' ', '_')}_ms_per_turn" for name in MEASURED)])
        for part in parts:
            figures = [part.per_second, *(part.cost[name] for name in MEASURED)]
            table.writerow([part.turns, *(f"{figure:.2f}" for figure in figures)])
    turns = [part.turns for part in parts]
    lines = [Line(f"{name}, ms a turn", turns, [part.cost[name] for part in parts]) for name in MEASURED]
    lines.append(Line("turns a second", turns, [part.per_second for part in parts]))
    (RESULTS / "long.svg").write_text(plot("What a turn costs after so many turns (processor time)", lines))


def main(turns: int = TURNS) -> None:
    """Print the costs of each tenth, and save them."""
    print(f"{'turns':>7}{'turns/s':>9}" + "".join(f"{name + ' ms':>17}" for name in MEASURED) + f"{'all ms':>9}")
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory:
        Path(directory).chmod(0o755)
        parts = asyncio.run(measure(Path(directory), turns))
    save(parts)
    early, late = (sum(part.cost.values()) for part in (parts[0], parts[-1]))
    print(f"the last {turns // PARTS} turns cost {late / early:.2f} of the first ones' processor time", end=", ")
    print(f"at {parts[-1].per_second / parts[0].per_second:.2f} of their rate")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
