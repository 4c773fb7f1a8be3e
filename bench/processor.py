"""Processor time of processes, which says more than wall time where other programs run too."""

from __future__ import annotations

import psutil


class Meter:
    """The processor time of processes, by name, with all their children."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before = self._now()

    def since(self) -> dict[str, float]:
        """Return the seconds that each process took since the last call, or since the start."""
        before, self._before = self._before, self._now()
        return {name: self._before[name] - before[name] for name in before}

    def _now(self) -> dict[str, float]:
        return {name: _seconds(process) for name, process in self._processes.items()}


def _seconds(root: psutil.Process) -> float:
    return sum(map(_own_seconds, [root, *root.children(recursive=True)]))


def _own_seconds(process: psutil.Process) -> float:
    """Return a process's own time and that of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it ended meanwhile: its parent counts it from now on
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
