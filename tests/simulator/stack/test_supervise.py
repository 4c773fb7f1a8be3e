"""The supervisor with small real processes: order, restarts, the pid that listens, the end."""

import os
import signal
import sys

import psutil
import pytest

from simulator.ports import free_port, listens
from simulator.stack.process import Process, StartError
from simulator.stack.supervise import Part, Supervisor, answers, listening_pid
from tests.simulator.support.helpers import eventually

SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]


@pytest.fixture
def told():
    return []


@pytest.fixture
def supervisor(told):
    supervisor = Supervisor(told.append, changed=lambda: told.append("changed"))
    yield supervisor
    supervisor.stop()


@pytest.fixture
def make_part(tmp_path):
    def make(name="server", command=None, stage=0):
        port = free_port()
        process = Process(name, command or [*SERVER, str(port)], tmp_path / f"{name}.log", cwd=tmp_path)
        process.ready = answers(port, "/")
        return Part(process, port, stage)

    return make


def test_what_dies_is_started_again(supervisor, make_part, told) -> None:
    part = make_part()
    supervisor.start([part])
    first = part.working_pid
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not listens(part.port))

    def back():
        supervisor.check(part)
        return part.working_pid != first

    eventually(back)
    assert listens(part.port)
    assert told[-3:] == [
        f"server ended (SIGKILL, log: {part.process.log}); starting it again in 1 s",
        "changed",
        f"server runs again (pid {part.working_pid})",
    ]


def test_the_pid_that_listens_may_be_a_grandchild(supervisor, make_part) -> None:
    port = free_port()
    shell = ["/bin/sh", "-c", f"{' '.join(SERVER)} {port}; true"]
    part = make_part(command=shell)
    part.port, part.process.ready = port, answers(port, "/")
    supervisor.start([part])
    assert part.working_pid != part.process.pid
    supervisor.stop()
    eventually(lambda: not listens(port))  # nothing is left, though only the shell was our child


def test_parts_stop_in_reverse_order(supervisor, make_part, monkeypatch) -> None:
    stopped = []
    parts = [make_part(f"stage{stage}", stage=stage) for stage in range(3)]
    supervisor.start(parts)
    terminate = Process.terminate
    monkeypatch.setattr(Process, "terminate", lambda self: (stopped.append(self.name), terminate(self)))
    supervisor.stop()
    assert list(dict.fromkeys(stopped)) == ["stage2", "stage1", "stage0"]
    assert not any(listens(part.port) for part in parts)


def test_a_part_that_does_not_come_up_is_named_and_the_others_can_be_stopped(supervisor, make_part) -> None:
    good, bad = make_part("good"), make_part("bad", [sys.executable, "-c", "raise SystemExit('no luck')"])
    with pytest.raises(StartError, match=r"bad ended with code 1(.|\n)*no luck"):
        supervisor.start([good, bad])
    supervisor.stop()
    assert not listens(good.port)


def test_nobody_listens_without_a_process() -> None:
    assert listening_pid(2**22 - 1, 1) is None


def test_children_die_with_their_parent(tmp_path) -> None:
    code = (
        "import pathlib, time; from simulator.stack.process import Process;"
        f"p = Process('child', ['/bin/sleep', '60'], pathlib.Path({str(tmp_path / 'log')!r})); p.start();"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(p.pid)); time.sleep(60)"
    )
    pid_file = tmp_path / "pid"
    with Process("parent", [sys.executable, "-c", code], tmp_path / "parent.log") as parent:
        child = int(eventually(lambda: pid_file.exists() and pid_file.read_text()))
        parent.kill()
        eventually(lambda: not _runs(child))


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
