"""The process that reads one file: `python -I -S child.py KIND TYPE LIMIT PATH…`, file on stdin, result on stdout.

It limits itself before it reads the file, and holds no secrets: no environment, no address, no other open file.
`KIND`: document, image or audio; whole: all of a document, its result in lines of JSON as they are read. `LIMIT`:
characters of the result. `PATH…`: where to import from.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Iterator

CPU_SECONDS_LIMIT = 10
WHOLE_CPU_SECONDS_LIMIT = 60
MEMORY_BYTES_LIMIT = 256 * 1024 * 1024
UNREADABLE = 3  # the exit status for UnreadableError; any other except 0 means that a limit was reached
WHOLE = "whole"
MODULES = {"document": "documents", "image": "pictures", "audio": "recordings", WHOLE: "whole_documents"}


def main() -> int:
    """Read the file and return the exit status."""
    kind, mime_type, limit, *places = sys.argv[1:]
    sys.path += places  # after the standard library
    _bound(WHOLE_CPU_SECONDS_LIMIT if kind == WHOLE else CPU_SECONDS_LIMIT)
    from importlib import import_module

    from graph.files import UnreadableError

    content = sys.stdin.buffer.read()
    try:
        result: str | Iterator[str] = import_module(f"graph.files.{MODULES[kind]}").read(content, mime_type, int(limit))
        for part in [result[: int(limit)]] if isinstance(result, str) else result:
            sys.stdout.buffer.write(part.encode("utf-8", "replace"))
            sys.stdout.buffer.flush()
    except UnreadableError:
        return UNREADABLE
    return 0


def _bound(cpu_seconds: int | None = None) -> None:
    """Limit processor time and memory of this process, forbid it to write files, and lower its priority."""
    os.nice(10)
    for limit, value in (
        (resource.RLIMIT_CPU, cpu_seconds or CPU_SECONDS_LIMIT),
        (resource.RLIMIT_AS, MEMORY_BYTES_LIMIT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS: there `reader` watches
            resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    sys.exit(main())
