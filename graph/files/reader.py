"""Read one file at a time in its own process, and always end that process.

A new interpreter for each file costs 40 ms of a processor (230 for a PDF, whose library is large), and contains nothing
of this process. A forked process would start faster, but with our memory, and so with the keys and words of others.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from graph.files import UnreadableError, child

READ_SECONDS_LIMIT = 20  # wall-clock time, because a waiting process uses no processor time
RESULT_CHARACTERS = 12_001  # one more than is used, to show that there was more
CHUNK_BYTES = 65_536
LINE_BYTES_LIMIT = 2**20  # of a result in lines
WATCH_INTERVAL_SECONDS = 0.1
MEMORY_IS_LIMITED = sys.platform == "linux"  # by RLIMIT_AS
IMPORT_PATHS = [str(Path(__file__).parents[2]), *{sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}]


class OverBoundsError(UnreadableError):
    """The file exceeded a limit of the process that read it, and the process was ended."""


@dataclass(frozen=True)
class Reader:
    """Reads files; `at_once`: parallel processes of this server; `watch`: whether to watch their memory."""

    at_once: int
    seconds: float = READ_SECONDS_LIMIT
    watch: bool = not MEMORY_IS_LIMITED
    command: tuple[str, ...] = (sys.executable, "-I", "-S", "-B", child.__file__)

    async def read(self, kind: str, mime_type: str, fetch: Callable[[], Awaitable[bytes]]) -> tuple[str, bytes]:
        """Return a document's text, or another file's real type, and its bytes, fetched when a process is free.

        Raises UnreadableError, and what `fetch` raises.
        """
        async with _slots(self.at_once):
            content = await fetch()
            return await self._by_a_process(kind, mime_type, content), content

    async def _by_a_process(self, kind: str, mime_type: str, content: bytes) -> str:
        try:
            async with (
                asyncio.timeout(self.seconds),
                self.process(kind, mime_type, RESULT_CHARACTERS, content) as process,
            ):
                result = await _result(process)
                await ended(process)
        except TimeoutError:
            raise OverBoundsError("time") from None
        return result.decode("utf-8", "replace")

    @contextlib.asynccontextmanager
    async def process(
        self, kind: str, mime_type: str, characters: int, content: bytes
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start a process and send it the file; end it with the block."""
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *self.command, kind, mime_type, str(characters), *IMPORT_PATHS,
            stdin=pipe, stdout=pipe, stderr=nothing, env={}, cwd="/", limit=LINE_BYTES_LIMIT,
        )  # fmt: skip
        tasks = [asyncio.create_task(_feed(process, content))]
        if self.watch:
            tasks.append(asyncio.create_task(_watch(process)))
        try:
            yield process
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await end(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process. Raises UnreadableError, unless it has read its file to the end."""
    status = await process.wait()
    if status == child.UNREADABLE:
        raise UnreadableError
    if status:
        raise OverBoundsError(f"status {status}")


_slots_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _slots(size: int) -> asyncio.Semaphore:
    """Return the semaphore that limits the processes of this server, which has one event loop."""
    return _slots_of_loops.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(size))


async def _feed(process: asyncio.subprocess.Process, content: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may end before it has read all
        for place in range(0, len(content), CHUNK_BYTES):
            process.stdin.write(content[place : place + CHUNK_BYTES])
            await process.stdin.drain()
        process.stdin.close()


async def _result(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    most = 4 * RESULT_CHARACTERS
    try:
        await process.stdout.readexactly(most + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise OverBoundsError("result")


async def _watch(process: asyncio.subprocess.Process) -> None:
    """Kill the process when it holds too much memory, on systems without a limit."""
    while True:
        if await resident(process.pid) > child.MEMORY_BYTES_LIMIT:
            _kill(process)
        await asyncio.sleep(WATCH_INTERVAL_SECONDS)


async def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds; 0 if there is no such process."""
    ps = await asyncio.create_subprocess_exec("ps", "-o", "rss=", "-p", str(pid), stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await ps.communicate()
    finally:  # the watch may be cancelled while it asks
        await end(ps)
    return int(output or 0) * 1024


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill the process if it still runs, and collect its exit status."""
    _kill(process)
    if process.stdout is not None:  # `wait` ends with the pipes, and a pipe whose reader is full is not read to its end
        await process.stdout.read()
    await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
