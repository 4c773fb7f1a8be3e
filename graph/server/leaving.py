"""The orderly end of a server: after SIGTERM it asks for no new conversations, ends the runs that it has, and stops.

uvicorn alone would close its port at once, so that the gateway could neither ask about a run nor tell a server that
ends its runs from one that has died.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from graph.server.memory_cleanup import unfinished_runs

# Without a run for so long, the server ends: the gateway has seen `/ok`, and has asked for the status of the last run.
QUIET_SECONDS = 3.0

_leaving = threading.Event()


class TellLeaving:
    """Answers `/ok` with 503 and `X-Leaving` when the server is about to end: it wants no new conversations."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if _leaving.is_set() and scope["type"] == "http" and scope["path"] == "/ok":
            return await JSONResponse({"ok": False}, 503, {"x-leaving": "true"})(scope, receive, send)
        return await self.app(scope, receive, send)


class OrderlyServer(uvicorn.Server):
    """A server that SIGTERM ends only after its runs, or after so many seconds; a second SIGTERM ends it at once."""

    def __init__(self, config: uvicorn.Config, seconds: float) -> None:
        super().__init__(config)
        self._seconds = seconds
        self._told_at = self._busy_at = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave, or stop."""
        if sig != signal.SIGTERM or _leaving.is_set():
            super().handle_exit(sig, frame)
            return
        self._told_at = self._busy_at = time.monotonic()
        _leaving.set()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop now; uvicorn asks ten times a second."""
        if _leaving.is_set():
            now = time.monotonic()
            if unfinished_runs():
                self._busy_at = now
            self.should_exit |= now - self._busy_at >= QUIET_SECONDS or now - self._told_at >= self._seconds
        return await super().on_tick(counter)
