"""One LISTEN connection of the process; every open page is woken by it. A lost NOTIFY is made up for by looking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog

from gateway.runtime.loops import ended
from gateway.store.desk.changes import NOTIFICATIONS

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 1.0
_PACE_SECONDS = 0.1  # between two wakings: a burst of notifications is one


class Listener:
    """`async with listener.running():` listens; `await listener.after(mark, seconds)` ends with the next change."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._bell = asyncio.Event()
        self._due: asyncio.TimerHandle | None = None
        self._rung_at = 0.0
        self.mark = 0  # rises with each waking
        self.closing = False  # whether the process ends: streams end then, too

    def close(self) -> None:
        """Have all who wait look up, and end."""
        self.closing = True
        self._ring()

    async def after(self, mark: int, seconds: float) -> None:
        """Return when something changed since this mark, or after so many seconds."""
        if self.mark != mark:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        task = asyncio.create_task(self._listen(), name="console-listener")
        try:
            yield
        finally:
            await ended([task])

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except psycopg.Error as error:
                log.info("console_listener_away", error=type(error).__name__, consequence="changes show later")
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _listen_once(self) -> None:
        conn = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="whatsapp-console-listener", connect_timeout=5
        )
        async with conn:
            await conn.execute(f"LISTEN {NOTIFICATIONS}")
            self._ring()
            async for _ in conn.notifies():
                self._notified()

    def _notified(self) -> None:
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._rung_at + _PACE_SECONDS), self._ring)

    def _ring(self) -> None:
        """Wake all who wait now; who comes later waits for the next change."""
        self.mark += 1
        self._due, self._rung_at = None, asyncio.get_running_loop().time()
        self._bell.set()
        self._bell = asyncio.Event()
