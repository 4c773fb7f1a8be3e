"""For `skaffold dev` only: runs a program, and runs it anew whenever a file below /app changes.

reload.py PROGRAM ARGUMENT...
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path("/app")
EVERY = 0.5
PATIENCE = 10


def state(root: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every file that counts."""
    found = {}
    for path in root.rglob("*.*"):
        try:
            about = path.stat()
        except FileNotFoundError:  # it went away while we looked
            continue
        if not path.is_dir() and "__pycache__" not in path.parts:
            found[str(path)] = (about.st_mtime_ns, about.st_size)
    return found


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End it, by force where it takes too long."""
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def run(command: list[str], root: Path) -> None:
    """Until it is stopped. A program that ends by itself waits for the next change."""
    seen = state(root)
    child = subprocess.Popen(command)  # noqa: S603 - what the chart says
    try:
        while True:
            time.sleep(EVERY)
            now = state(root)
            if now != seen:
                changed = sorted(path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path))
                print(f"reload: {changed[0]} changed", file=sys.stderr, flush=True)
                seen = now
                stop(child)
                child = subprocess.Popen(command)  # noqa: S603
    finally:
        stop(child)


def end(_signal: int, _frame: FrameType | None) -> None:
    """Stop in order."""
    sys.exit(0)


def main(command: list[str], root: Path) -> None:
    """Run it until this process is told to stop."""
    signal.signal(signal.SIGTERM, end)
    run(command, root)


if __name__ == "__main__":
    main(sys.argv[1:], ROOT)
