"""The process that reads one file: `python -I -S child.py KIND TYPE LIMIT PATH…`, file on stdin, result on stdout.

It limits itself before it reads the file, and holds no secrets: no environment, no address, no other open file.
`KIND`: document, image or audio. `LIMIT`: characters of the result. `PATH…`: where to import from.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

CPU_SECONDS_LIMIT = 10
MEMORY_BYTES_LIMIT = 256 * 1024 * 1024
UNREADABLE = 3  # the exit status for UnreadableError; any other except 0 means that a limit was reached
MODULES = {"document": "documents", "image": "pictures", "audio": "recordings"}


def main() -> int:
    """Read the file and return the exit status."""
    kind, mime_type, limit, *places = sys.argv[1:]
    sys.path += places  # after the standard library
    _bound()
    from importlib import import_module

    from graph.files import UnreadableError

    content = sys.stdin.buffer.read()
    try:
        result: str = import_module(f"graph.files.{MODULES[kind]}").read(content, mime_type, int(limit))
    except UnreadableError:
        return UNREADABLE
    sys.stdout.buffer.write(result[: int(limit)].encode("utf-8", "replace"))
    return 0


def _bound() -> None:
    """Limit processor time and memory of this process, forbid it to write files, and lower its priority."""
    os.nice(10)
    for limit, value in (
        (resource.RLIMIT_CPU, CPU_SECONDS_LIMIT),
        (resource.RLIMIT_AS, MEMORY_BYTES_LIMIT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS: there `reader` watches
            resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    sys.exit(main())
