"""One soak from its start to its report."""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulator.ports import free_port, free_ports
from tests.invariants.stack import Stack, running
from tests.soak import books
from tests.soak.customers import Customers
from tests.soak.faults import Faults
from tests.soak.person import Attendant
from tests.soak.proxy import Proxies

# The last answer has to come so soon after the last fault.
WITHIN = 60.0
# Far beyond it: what is stuck for so long is stuck for ever.
PATIENCE = 300.0
# The ports that the first processes have in the local stack, and what stands before each of them.
OWN = ("GATEWAY_PORT", "OPS_PORT", "SIMULATOR_PORT", "POSTGRES_PORT")
OTHERS = (
    "serve 2", "serve 2 ops", "work 2",
    "webhook", "internal", "to agent", "to agent 2", "meta", "model", "postgres",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The messages, their rate a second, the faults of each kind at least, and the seconds between two faults."""

    messages: int
    customers: int
    rate: float
    each: int
    every: float
    seed: int


@dataclass
class Report:
    """The results: what must not be, what people were told, the faults, and the seconds until all was answered."""

    plan: Plan
    wrong: dict[str, list[str]]
    told: dict[str, int]
    faults: Counter[str]
    written: dict[str, int]
    turns: int
    seconds: float
    settled: float
    logs: Path

    @property
    def held(self) -> bool:
        """Whether every invariant held."""
        return not any(self.wrong.values()) and self.settled <= WITHIN

    def text(self) -> str:
        """Return the report as a table."""
        lines = [
            f"seed {self.plan.seed}: {sum(self.written.values())} actions of {self.plan.customers} customers,"
            f" {self.turns} turns in {self.seconds:.0f} s",
            f"all answered {self.settled:.1f} s after the last fault",
            *(f"  {len(rows):>6}  {name}" for name, rows in self.wrong.items()),
            "told to people:",
            *(f"  {count:>6}  {name}" for name, count in self.told.items()),
            f"{sum(self.faults.values())} faults:",
            *(f"  {count:>6}  {name}" for name, count in sorted(self.faults.items())),
            "customers:",
            *(f"  {count:>6}  {name}" for name, count in sorted(self.written.items())),
        ]
        return "\n".join(lines)

    def keep(self, folder: Path) -> None:
        """Write what is wrong, and the logs of the stack, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "wrong.json").write_text(json.dumps(self.wrong, indent=2))
        shutil.copytree(self.logs, folder, dirs_exist_ok=True)


def soak(directory: Path, plan: Plan) -> Report:
    """Run a soak in a directory, and return its report."""
    own = {name: free_port() for name in OWN} | {"LANGGRAPH_PORT": free_ports(2)}
    ports = {name: free_port() for name in OTHERS}
    proxies = Proxies(
        {
            "webhook": (ports["webhook"], [own["GATEWAY_PORT"], ports["serve 2"]]),
            "internal": (ports["internal"], [own["OPS_PORT"], ports["serve 2 ops"]]),
            "agent": (ports["to agent"], [own["LANGGRAPH_PORT"]]),
            "agent 2": (ports["to agent 2"], [own["LANGGRAPH_PORT"] + 1]),
            "meta": (ports["meta"], [own["SIMULATOR_PORT"]]),
            "model": (ports["model"], [own["SIMULATOR_PORT"]]),
            "postgres": (ports["postgres"], [own["POSTGRES_PORT"]]),
        }
    )
    environment = {name: str(port) for name, port in own.items()} | {"SOAK_PORTS": json.dumps(ports)}
    environment |= {"CUSTOMER_TURNS_PER_DAY": "100000", "LEASE_SECONDS": "5", "LOG_LEVEL": "warning"}
    environment |= {"AGENT_REPLICAS": "2", "AGENT_AWAY_SECONDS": "5", "TURNS_IN_FLIGHT": "20"}
    with (
        proxies.running(),
        running(directory, module="tests.soak.up", **environment) as stack,
        Attendant(stack, random.Random(plan.seed + 1)) as attendant,  # noqa: S311  # not for secrets
    ):
        return _run(stack, proxies, attendant, plan)


def _run(stack: Stack, proxies: Proxies, attendant: Attendant, plan: Plan) -> Report:
    customers = Customers.of(stack, random.Random(plan.seed), plan.customers)  # noqa: S311
    faults = Faults(stack, proxies, random.Random(plan.seed + 2), attendant)  # noqa: S311
    sends, began, ended = books.Sends(stack), time.monotonic(), threading.Event()
    with ThreadPoolExecutor(3) as pool, _gathering(pool, sends):
        both = [
            pool.submit(faults.go_on, plan.messages / plan.rate, plan.each, plan.every, ended),
            pool.submit(customers.write, plan.messages, plan.rate, until=ended),
        ]
        for one in both:
            one.add_done_callback(lambda one: ended.set() if one.exception() else None)
        for one in both:
            one.result()
        attendant.hand_back_all()
        settled = books.settled(stack, PATIENCE)
    [(turns,)] = stack.sql("SELECT count(*) FROM turn")
    wrong = books.compared(stack, customers, sends.accepted())
    return Report(
        plan, wrong, books.told(stack), faults.counts, customers.done, turns, time.monotonic() - began, settled,
        stack.directory / "logs",
    )  # fmt: skip


@contextmanager
def _gathering(pool: Executor, sends: books.Sends) -> Iterator[None]:
    """Gather what Meta sees in the meantime."""
    over = threading.Event()

    def gather() -> None:
        while not over.wait(5):
            sends.gather()

    gathered = pool.submit(gather)
    try:
        yield
    finally:
        over.set()
    gathered.result()
