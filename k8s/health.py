"""Health and metrics over HTTP; the health is whether cycles still run and the watch still works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

WATCH_ECHO_SECONDS = 180.0


class Heartbeat:
    """Records when a cycle last ended, and whether written statuses come back by the watch.

    A watch can end silently, and then no change is seen any more: each status that we write has to come back as an
    event. clock: monotonic seconds; longest_pause: seconds that may pass between two cycles.
    """

    def __init__(self, clock: Callable[[], float], longest_pause: float) -> None:
        self._clock, self._longest_pause = clock, longest_pause
        self._last = clock()
        self._seen: dict[str, str] = {}
        self._awaited: dict[str, float] = {}

    def cycle_ended(self) -> None:
        """Note the end of a cycle."""
        self._last = self._clock()

    def status_written(self, key: str, version: str | None) -> None:
        """Note a status that was written; version: the resource version that it got."""
        if version is not None and self._seen.get(key) != version:
            self._awaited.setdefault(key, self._clock())

    def event_seen(self, key: str, version: str) -> None:
        """Note an event of a resource."""
        self._seen[key] = version
        self._awaited.pop(key, None)

    def resource_deleted(self, key: str) -> None:
        """Note that a resource was deleted."""
        self._seen.pop(key, None)
        self._awaited.pop(key, None)

    def problem(self) -> str | None:
        """Return why the operator should be started again; None: it works."""
        now = self._clock()
        if self._seen and now - self._last > self._longest_pause:
            return f"no resource was reconciled for {now - self._last:.0f} s"
        oldest = min(self._awaited.values(), default=now)
        if now - oldest > WATCH_ECHO_SECONDS:
            return f"a status that was written {now - oldest:.0f} s ago has not come back by the watch"
        return None


@asynccontextmanager
async def serve(host: str, port: int, heartbeat: Heartbeat, collect: Callable[[], None]) -> AsyncIterator[int]:
    """Serve /healthz and /metrics; collect: brings gauges up to date. Yields the port."""

    async def healthz(_: web.Request) -> web.Response:
        problem = heartbeat.problem()
        return web.json_response({"status": problem or "ok"}, status=503 if problem else 200)

    async def metrics(_: web.Request) -> web.Response:
        collect()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", healthz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
