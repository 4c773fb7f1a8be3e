"""The script that restarts programs in `skaffold dev` (charts/whatsapp-agent/files/reload.py)."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.images.dockerfile import ROOT

FILES = ROOT / "charts/whatsapp-agent/files"
RUN = "import pathlib, sys, reload; reload.main(sys.argv[2:], pathlib.Path(sys.argv[1]))"
PROGRAM = """
import os, pathlib, signal, sys, time
print(os.getpid(), pathlib.Path("text.txt").read_text(), flush=True)
time.sleep(0 if "ends" in sys.argv else 600)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A program that says its pid and what is in a file."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "text.txt").write_text("first")
    return tmp_path


@pytest.fixture
def reload(app: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """The program, run by it; at the end nothing of either is left, also where the test failed."""
    command = [sys.executable, "-c", RUN, app, sys.executable, "program.py", *getattr(request, "param", ())]
    environment = os.environ | {"PYTHONPATH": str(FILES), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, cwd=app, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # both have ended in order
                os.killpg(process.pid, signal.SIGKILL)


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The next line: a pid and the file."""
    assert process.stdout
    pid, text = process.stdout.readline().split()
    return int(pid), text


def gone(pid: int) -> bool:
    """Whether the process is no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("reload", [(), ("ends",)], indirect=True, ids=["runs", "ended"])
def test_a_changed_file_starts_the_program_again(app: Path, reload: subprocess.Popen[str]) -> None:
    before, text = said(reload)
    assert text == "first"
    (app / "text.txt").write_text("second")
    after, text = said(reload)
    assert text == "second"
    assert after != before
    assert gone(before)


def test_what_counts_as_a_change(app: Path) -> None:
    """New files do; what Python caches does not: it is written when a program starts."""
    (app / "__pycache__").mkdir()
    (app / "__pycache__/program.cpython-311.pyc").write_bytes(b"")
    (app / "folder.of").mkdir()
    (app / "folder.of/rules.toml").write_text("")
    counted = runpy.run_path(str(FILES / "reload.py"))["state"](app)
    assert set(counted) == {str(app / name) for name in ("program.py", "text.txt", "folder.of/rules.toml")}


def test_what_stops_it_stops_the_program(reload: subprocess.Popen[str]) -> None:
    pid, _ = said(reload)
    reload.send_signal(signal.SIGTERM)
    assert reload.wait(20) == 0
    assert gone(pid)
