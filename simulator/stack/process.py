"""Child processes of the local stack and of the tests.

A `Process` writes its output into a log file, leads a session of its own (so that Ctrl-C in a terminal reaches only
the supervisor, which stops its parts in order), and ends with its parent on Linux.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG_TAIL_LINES = 15
POLL_SECONDS = 0.03


class StartError(Exception):
    """A process did not start; the message says which one, why, and how its log ends."""


@dataclass(frozen=True)
class User:
    """The unprivileged account that a process runs as when we are root."""

    name: str
    uid: int
    gid: int


def always_ready() -> bool:
    """Return True, for a process that listens on no port."""
    return True


@dataclass
class Process:
    """One child process.

    `ready` is called until it returns True (it must not raise); `stop_signal` asks for a graceful end, which may
    take `stop_seconds` before SIGKILL; `env` is the whole environment: nothing is inherited when it is given.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: User | None = None
    ready: Callable[[], bool] = always_ready
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 60
    stop_seconds: float = 10
    _popen: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _asked_to_stop: bool = field(default=False, init=False, repr=False)
    _log_start: int = field(default=0, init=False, repr=False)

    @property
    def pid(self) -> int:
        """The pid of the process that was started last; RuntimeError before the first start."""
        if self._popen is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last run, negative for a signal; None while it runs or before the first start."""
        return None if self._popen is None else self._popen.poll()

    @property
    def ending(self) -> str:
        """The end of the last run in words: a signal's name or the exit code."""
        code = self.exit_code
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"

    def start(self) -> None:
        """Start it and wait until it is ready. Raises StartError, and stops it, when it ends or hangs instead."""
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start it without waiting."""
        if self.alive:
            raise RuntimeError(f"{self.name} runs already (pid {self.pid})")
        self._asked_to_stop = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        user = self.user
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            try:
                # This has to happen between fork and exec; the function only makes one system call.
                self._popen = subprocess.Popen(  # noqa: S603 - the command is ours
                    list(self.argv),
                    env=self.env,
                    cwd=self.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_die_with_parent(self.stop_signal),  # noqa: PLW1509 - see above
                    user=user.uid if user else None,
                    group=user.gid if user else None,
                    extra_groups=[] if user else None,
                )
            except OSError as error:
                raise StartError(f"{self.name} could not be started: {error}") from error

    def wait_ready(self) -> None:
        """Wait until it is ready. Raises StartError when it ends or hangs instead."""
        deadline = time.monotonic() + self.start_seconds
        while not self.ready():
            if not self.alive:
                raise StartError(f"{self.name} ended with code {self.exit_code} while starting.{self.log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise StartError(f"{self.name} was not ready after {self.start_seconds:g} s.{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def log_tail(self) -> str:
        """Return the end of what this run logged, indented, with the path of the log; empty when it logged nothing."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "".join(f"\n  {line}" for line in [f"(log: {self.log})", *lines]) if lines else ""

    def terminate(self) -> None:
        """Ask it to end, without waiting; `stop` waits."""
        if self._popen is not None and not self._asked_to_stop:
            self._popen.send_signal(self.stop_signal)  # does nothing when it has ended
            self._asked_to_stop = True

    def stop(self) -> None:
        """End it gracefully, by force when it does not end in time; do nothing when it does not run."""
        if self._popen is None:
            return
        if self.alive:
            self.terminate()
            try:
                self._popen.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        self._popen.wait()
        self._end_group()

    def run(self) -> None:
        """Run it to its end. Raises StartError when it fails or takes longer than `start_seconds`."""
        self.spawn()
        deadline = time.monotonic() + self.start_seconds
        try:
            while self.alive and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            if self.exit_code != 0:
                how = f"failed with code {self.exit_code}" if self.exit_code else "did not end in time"
                raise StartError(f"{self.name} {how}.{self.log_tail()}")
        finally:
            self.stop()

    def kill(self) -> None:
        """Send SIGKILL, which simulates a crash, and return when the process has ended."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def restart(self) -> None:
        """Stop (or, after a kill, just start) it again and wait until it is ready."""
        self.stop()
        self.start()

    def _end_group(self) -> None:
        """End the processes that this one left running in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a call that asks Linux to send `stop_signal` to the child when its parent thread ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, where loading is safe
    return lambda: prctl(PR_SET_PDEATHSIG, int(stop_signal))
