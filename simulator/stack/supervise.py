"""A supervisor of processes: start them in order, restart those that end, stop them in reverse order."""

import http.client
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psutil

from simulator.ports import HOST
from simulator.stack.process import Process

RESTART_SECONDS = 1.0
WATCH_SECONDS = 0.1

Report = Callable[[str], None]


@dataclass
class Part:
    """A process of the stack. `stage`: those of lower stages start before it and stop after it.

    `working_pid` is the process that listens, or that listened until the part ended.
    """

    process: Process
    port: int
    stage: int
    working_pid: int | None = None
    restart_at: float | None = field(default=None, repr=False)
    restarting: bool = field(default=False, repr=False)

    @property
    def name(self) -> str:
        """The name that logs, stack.json and people use."""
        return self.process.name.lower()

    def find_worker(self) -> None:
        """Find the process that listens on the port: the child itself, or one that it started."""
        self.working_pid = listening_pid(self.process.pid, self.port) or self.process.pid


class Supervisor:
    """The parts of a running stack. `changed` is called whenever a part has a new pid."""

    def __init__(self, report: Report, changed: Callable[[], None]) -> None:
        self.parts: list[Part] = []
        self._report = report
        self._changed = changed

    def start(self, parts: Iterable[Part]) -> None:
        """Start parts side by side and wait until all are ready. Raises StartError."""
        started = time.monotonic()
        waiting = list(parts)
        for part in waiting:
            self.parts.append(part)
            part.process.spawn()
        for part in waiting:
            self._report(f"Starting {part.name} …")
            part.process.wait_ready()
            part.find_worker()
            self._report(f"  {part.name} is ready after {time.monotonic() - started:.1f} s")

    def watch(self) -> None:
        """Restart every part that ends, until interrupted."""
        while True:
            for part in self.parts:
                self.check(part)
            time.sleep(WATCH_SECONDS)

    def check(self, part: Part) -> None:
        """Check one part and restart it where it ended; never waits."""
        now = time.monotonic()
        if part.restart_at is not None:
            if now >= part.restart_at:
                part.restart_at, part.restarting = None, True
                part.process.spawn()
        elif not part.process.alive:
            how = f"{part.name} ended ({part.process.ending}, log: {part.process.log})"
            self._report(f"{how}; starting it again in {RESTART_SECONDS:g} s")
            part.process.stop()  # also ends the processes that it left in its session
            part.restart_at = now + RESTART_SECONDS
        elif part.restarting and part.process.ready():
            part.restarting = False
            part.find_worker()
            self._changed()
            self._report(f"{part.name} runs again (pid {part.working_pid})")

    def stop(self) -> None:
        """Stop everything, highest stage first, the parts of one stage together."""
        for stage in sorted({part.stage for part in self.parts}, reverse=True):
            members = [part.process for part in self.parts if part.stage == stage]
            for process in members:
                process.terminate()
            for process in members:
                process.stop()
        self.parts.clear()


def listening_pid(root: int, port: int) -> int | None:
    """Return the pid that listens on the port, among `root` and its descendants; None when none does."""
    try:
        family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        return next((process.pid for process in family if _listens(process, port)), None)
    except psutil.NoSuchProcess:
        return None


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections("tcp")
    except (psutil.AccessDenied, psutil.ZombieProcess):
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)


def answers(port: int, path: str) -> Callable[[], bool]:
    """Return a readiness check: whether the local server answers 200 to a GET."""

    def check() -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check
