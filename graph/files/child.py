"""The process that reads one file: ``python -I -S child.py KIND TYPE LIMIT PATH…``, file on stdin, result on stdout.

It bounds itself before it looks at the file, and has nothing to lose: no environment, no address, no open file but
these two. ``KIND``: document, image or audio. ``LIMIT``: characters of the result. ``PATH…``: where to import from.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

CPU_SECONDS_LIMIT = 10
MEMORY_BYTES_LIMIT = 256 * 1024 * 1024
UNREADABLE = 3  # the exit status for UnreadableError; anything but this and 0: it came to a bound
MODULES = {"document": "documents", "image": "pictures", "audio": "recordings"}


def main() -> int:
    """Read the file; the exit status."""
    kind, mime_type, limit, *places = sys.argv[1:]
    sys.path += places  # after the standard library
    _bound()
    from importlib import import_module

    from graph.files import UnreadableError

    content = sys.stdin.buffer.read()
    try:
        said: str = import_module(f"graph.files.{MODULES[kind]}").read(content, mime_type, int(limit))
    except UnreadableError:
        return UNREADABLE
    sys.stdout.buffer.write(said[: int(limit)].encode("utf-8", "replace"))
    return 0


def _bound() -> None:
    """From here on: so much time of the processor, so much memory, no file, and after everybody else."""
    os.nice(10)
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS_LIMIT),
        (resource.RLIMIT_AS, MEMORY_BYTES_LIMIT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS: there `reader` watches
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    sys.exit(main())
