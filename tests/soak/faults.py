"""The faults of the soak: one each second, of all kinds equally often, in an order that the seed decides."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.invariants.stack import Stack
from tests.soak.customers import POISON
from tests.soak.person import Attendant
from tests.soak.proxy import Proxies, Trick

PROGRAMS = "gateway serve", "gateway serve 2", "gateway work", "gateway work 2", "agent", "agent 2"
LONGEST_PAUSE = 8.0  # seconds; leases of the soak's stack take 5
AT_ONCE = 12


@dataclass
class Faults:
    """Faults on a stack; `counts` says how many of each kind there were, `last_ended` when the last one was over."""

    stack: Stack
    proxies: Proxies
    chance: random.Random
    attendant: Attendant
    counts: Counter[str] = field(default_factory=Counter)
    last_ended: float = 0.0
    _busy: dict[str, threading.Lock] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Callable[[], None]]:
        """The faults by the names that the report has."""
        return {
            "kill -9 of a process": self._kill,
            "SIGSTOP, then SIGCONT": self._suspend,
            "restart of Postgres": lambda: self._restart("postgres", signal.SIGINT),
            "crash of Postgres": lambda: self._restart("postgres", signal.SIGQUIT),
            "kill -9 of Valkey": lambda: self._restart("valkey", signal.SIGKILL),
            "connections stall": lambda: self._play("stall"),
            "connections are reset": lambda: self._play("reset"),
            "connections are cut after the request": lambda: self._play("cut"),
            "error of Meta": self._error_of_meta,
            "Meta's answer is lost": lambda: self._set(on="send", kind="lost_answer"),
            "Meta accepts, then fails": lambda: self._set(on="send", kind="failed", code=131000),
            "webhook comes several times": lambda: self._set(
                on="webhook", kind="duplicate", copies=self.chance.randint(2, 4)
            ),
            "webhooks in a batch": lambda: self._set(on="webhook", kind="batch", size=self.chance.randint(2, 6)),
            "webhooks out of order": lambda: self._set(on="webhook", kind="reorder", size=3, seconds=1),
            "webhook with a wrong signature": lambda: self._set(on="webhook", kind="bad_signature"),
            "model hangs": lambda: self._set(on="model", kind="delay", seconds=self.chance.uniform(5, 20)),
            "model fails": lambda: self._set(on="model", kind="error", status=self.chance.choice([429, 500, 503])),
            "model talks nonsense": lambda: self._set(
                on="model", kind="junk", text=self.chance.choice(["", "<html>busy</html>", '{"choices": []}'])
            ),
            "person takes over": self.attendant.take_over,
        }

    def go_on(self, seconds: float, each: int, every: float, until: threading.Event) -> None:
        """Cause a fault at a time until the time is over and there were so many of each kind, or the event is set."""
        self.stack.fault(on="model", kind="refuse", contains=POISON, times=None)
        end, running = time.monotonic() + seconds, list[Future[None]]()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not until.wait(every):
                order = sorted(self.kinds, key=lambda kind: (self.counts[kind], self.chance.random()))
                if time.monotonic() > end and self.counts[order[0]] >= each:
                    break
                self.counts[order[0]] += 1
                running = [one for one in running if not _ended(one)]
                running.append(pool.submit(self.kinds[order[0]]))
        for one in running:
            one.result()
        self.stack.http.request("DELETE", "/_sim/faults")
        self.last_ended = time.monotonic()

    def _kill(self) -> None:
        self._restart(self.chance.choice(PROGRAMS), signal.SIGKILL)

    def _restart(self, name: str, number: signal.Signals) -> None:
        with self._alone(name):
            self.stack.kill(name, number)

    def _suspend(self) -> None:
        name, seconds = self.chance.choice(PROGRAMS), self.chance.uniform(1, LONGEST_PAUSE)
        with self._alone(name):
            pid = self.stack.part(name)["pid"]
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    def _play(self, trick: Trick) -> None:
        self.proxies.play(self.chance.choice(self.proxies.names), trick, self.chance.uniform(1, LONGEST_PAUSE))

    def _error_of_meta(self) -> None:
        status, code = self.chance.choice([(500, 131000), (503, 2), (429, 130429), (400, 131056), (400, 80007)])
        self._set(on="send", kind="error", status=status, code=code)

    def _set(self, **fault: Any) -> None:
        """Set a fault at the simulator, for the next event or two."""
        self.stack.fault(times=self.chance.randint(1, 2), **fault)

    def _alone(self, name: str) -> threading.Lock:
        """Return the lock of a process: a second fault waits until it runs again."""
        return self._busy.setdefault(name, threading.Lock())


def _ended(one: Future[None]) -> bool:
    """Return whether a fault is over. Raises its error."""
    return one.done() and one.result() is None
