"""A file is read in its own process, which ends and leaves nothing behind, whatever the file contains."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from graph.files import UnreadableError, child
from graph.files.documents import PDF, WORD
from graph.files.reader import IMPORT_PATHS, OverBoundsError, Reader, end, resident
from tests.graph.files import bombs

READER = Reader(at_once=2)
GROWTH = 50_000_000  # bytes: far less than any of the bombs becomes


def given(content: bytes) -> Callable[[], Awaitable[bytes]]:
    async def fetch() -> bytes:
        return content

    return fetch


async def said(content: bytes, mime_type: str = "text/plain", kind: str = "document", reader: Reader = READER) -> str:
    return (await reader.read(kind, mime_type, given(content)))[0]


def children() -> list[str]:
    """Return the child processes, including zombies."""
    found: list[str] = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found += (task / "children").read_text().split()
    return found


def _peak_from_now() -> int:
    """Reset the peak of this process's memory, and return it in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def script(tmp_path: Path, text: str) -> Reader:
    """Return a reader whose process runs another script."""
    (tmp_path / "child.py").write_text(text)
    return replace(READER, command=(sys.executable, "-I", "-S", str(tmp_path / "child.py")))


BOMBS = {
    "spans": (bombs.spans, WORD), "empty paragraphs": (bombs.empty_paragraphs, WORD),
    "nested tables": (bombs.nested_tables, WORD), "zip": (bombs.zip_bomb, WORD),
    "many entries": (bombs.many_entries, WORD), "entities": (bombs.entities, WORD),
    "a long attribute": (bombs.long_attribute, WORD), "shared stream": (bombs.shared_stream, PDF),
    "flate": (bombs.flate_bomb, PDF), "page tree": (bombs.page_tree, PDF), "deep page tree": (bombs.deep_tree, PDF),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_ends_and_costs_this_process_nothing(name: str) -> None:
    make, mime_type = BOMBS[name]
    content, before = make(), _peak_from_now()
    loop = asyncio.get_running_loop()
    began, known = loop.time(), children()
    try:
        text = await said(content, mime_type)
    except UnreadableError:
        text = ""
    assert len(text) <= 12_001
    assert loop.time() - began < 60  # on a machine that does other things as well
    assert _peak() - before < GROWTH
    assert set(children()) <= set(known)


async def test_what_is_honest_in_a_bomb_is_read() -> None:
    assert await said(bombs.spans(), WORD) == "x" * 10_000
    assert await said(bombs.nested_tables(), WORD) == "fundo"


async def test_the_processor_is_bounded(tmp_path: Path) -> None:
    endless = "import sys\nsys.path[:0] = sys.argv[4:]\nfrom graph.files import child\nchild.CPU_SECONDS_LIMIT = 1\n"
    reader = script(tmp_path, endless + "child._bound()\nwhile True: pass")
    with pytest.raises(OverBoundsError, match="status -"):  # a signal
        await said(b"x", reader=reader)


async def test_the_memory_is_bounded(tmp_path: Path) -> None:
    greedy = "import sys\nsys.path[:0] = sys.argv[4:]\nfrom graph.files import child\nchild._bound()\n"
    reader = script(tmp_path, greedy + f"bytearray({child.MEMORY_BYTES_LIMIT})")
    with pytest.raises(OverBoundsError, match="status 1"):
        await said(b"x", reader=reader)


async def test_where_the_system_does_not_bind_memory_it_is_watched(tmp_path: Path) -> None:
    reader = script(tmp_path, f"import time\nkept = b'x' * {child.MEMORY_BYTES_LIMIT}\ntime.sleep(60)")
    with pytest.raises(OverBoundsError, match="status -9"):
        await said(b"x", reader=replace(reader, watch=True))
    assert await said(b"Oi", reader=replace(READER, watch=True)) == "Oi"


async def test_a_watch_that_is_cancelled_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "ps"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    before = children()
    watch = asyncio.create_task(resident(os.getpid()))
    while children() == before:
        await asyncio.sleep(0.01)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert children() == before


async def test_a_process_that_waits_is_killed_by_the_clock(tmp_path: Path) -> None:
    known = children()
    reader = replace(script(tmp_path, "import time\ntime.sleep(600)"), seconds=0.5)
    with pytest.raises(OverBoundsError, match="time"):
        await said(b"x" * 10_000_000, reader=reader)
    assert set(children()) <= set(known)


async def test_nothing_is_left_where_nobody_waits_any_more(tmp_path: Path) -> None:
    known = children()
    task = asyncio.create_task(said(b"x", reader=script(tmp_path, "import time\ntime.sleep(600)")))
    while set(children()) <= set(known):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(children()) <= set(known)


async def test_a_result_without_an_end_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(OverBoundsError, match="result"):
        await said(b"x", reader=script(tmp_path, "while True: print('x' * 10_000)"))


async def test_a_process_is_ended_although_its_result_is_not_read() -> None:
    talkative = (sys.executable, "-c", "while True: print('x' * 10_000)")
    process = await asyncio.create_subprocess_exec(*talkative, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readexactly(1)
    await asyncio.sleep(0.2)  # what comes is more than is kept: reading pauses
    async with asyncio.timeout(30):
        await end(process)


async def test_two_at_a_time_and_bytes_are_fetched_when_there_is_room() -> None:
    open_now, most = 0, 0
    room = asyncio.Event()

    async def fetch() -> bytes:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await room.wait()
        open_now -= 1
        return b"Oi"

    reads = [asyncio.create_task(READER.read("document", "text/plain", fetch)) for _ in range(5)]
    await asyncio.sleep(0.1)
    assert (open_now, most) == (2, 2)
    room.set()
    assert [text for text, _ in await asyncio.gather(*reads)] == ["Oi"] * 5
    assert most == 2


async def test_the_process_is_told_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_TOKEN", "inside")
    told = "import os, sys\nsys.stdout.write(' '.join(os.environ) + '|' + ' '.join(os.listdir('/proc/self/fd')))"
    environment, _, files = (await said(b"x", reader=script(tmp_path, told))).partition("|")
    assert environment in ("", "LC_CTYPE")  # Python's own
    assert set(files.split()) <= {"0", "1", "2", "3"}  # and the listing itself


async def test_its_bounds_are_those_that_are_promised() -> None:
    before = [resource.getrlimit(what) for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS)]
    look = "import resource\nfrom graph.files import child\nchild._bound()\n"
    look += "print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_AS))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", look, env={"PYTHONPATH": IMPORT_PATHS[0]}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == f"(10, 10) ({256 * 2**20}, {256 * 2**20})"
    assert [resource.getrlimit(what) for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS)] == before
