"""Read imports that wait, one at a time; renew the lease meanwhile, and stop when somebody cancels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from graph.knowledge.imports.formats import File, texts_of, type_of_file
from graph.knowledge.imports.pages import PageReader
from graph.knowledge.imports.problems import ImportProblem
from graph.knowledge.imports.rows import Claimed, Imports
from graph.tasks import ended

log = logging.getLogger(__name__)

POLL_SECONDS = 10.0  # for imports that another server began and did not end
HEARTBEAT_SECONDS = 1.0


class Worker:
    """Reads imports; `pages` fetches web pages; `written` is called when there are new drafts."""

    def __init__(self, imports: Imports, written: Callable[[], None], pages: PageReader | None = None) -> None:
        self._imports = imports
        self._written = written
        self._pages = pages or PageReader()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for an import at once."""
        self._woken.set()

    async def run(self) -> None:
        """Read imports for ever."""
        while True:
            self._woken.clear()
            try:
                while await self.read_next():
                    pass
            except Exception as error:  # noqa: BLE001 - Postgres is away, or a defect: the others are read all the same
                log.error("an import was not read, it is tried again: %s", type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def read_next(self) -> bool:
        """Read the next import; return False if none waits. Raises psycopg.Error."""
        claimed = await self._imports.claim()
        if claimed is None:
            return False
        progress = _Progress()
        reading = asyncio.create_task(self._read(claimed, progress))
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=HEARTBEAT_SECONDS)
                if not reading.done() and not await self._imports.keep(claimed, progress.percent):
                    await ended([reading])
        finally:
            await ended([reading])
        if not reading.cancelled():
            reading.result()
        return True

    async def _read(self, claimed: Claimed, progress: _Progress) -> None:
        try:
            file = await self._file(claimed)
            await self._imports.finish(claimed, file, await texts_of(file, progress.hear))
            self._written()
        except ImportProblem as problem:
            log.info("an import has a problem: %s", problem.code)
            await self._imports.fail(claimed, problem)

    async def _file(self, claimed: Claimed) -> File:
        if claimed.url is not None:
            return await self._pages.fetch(claimed.url)
        return File(claimed.name, type_of_file(claimed.name), claimed.content or b"")


class _Progress:
    """The share of a file that is read, in percent."""

    percent = 0

    def hear(self, percent: int) -> None:
        self.percent = min(percent, 99)
