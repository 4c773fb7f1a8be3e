"""Carry out exports and erasures of one person's data, a few seconds at a time, with bounded repetitions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import structlog

from gateway.customers.erasure import audited
from gateway.customers.records import NotReachedError
from gateway.runtime.telemetry import ERRORS
from gateway.store.customers import data_requests as store
from gateway.store.customers.data_requests import DataRequest
from gateway.store.database import Pool, is_away

log = structlog.get_logger(__name__)

_SECONDS = 2.0  # of batches, one after the other, until the request is given back
_MAX_ATTEMPTS = 15  # of one step, which are spread over two hours; then the place counts as not reached
_MAX_DELAY = 900.0


class Steps(Protocol):
    """The steps of one kind of request, in their order; `advance` makes one batch of the request's step."""

    @property
    def steps(self) -> Mapping[str, object]:
        """The steps by name."""

    async def advance(self, request: DataRequest) -> bool:
        """Return whether the step is done. Raises NotReachedError."""


class DataRequests:
    """The requests that wait; `step` is called in a loop. kinds: the steps of each kind of request."""

    def __init__(self, pool: Pool, kinds: Mapping[str, Steps]) -> None:
        self._pool = pool
        self._kinds = kinds

    async def step(self) -> float:
        """Go on with the request that is due for longest; return the seconds until the next call."""
        async with self._pool.connection() as conn:
            due = await store.next_due(conn)
        if due != 0:
            return 60.0 if due is None else max(due, 0.1)
        return 0.0 if await self.go_on() else 1.0

    async def go_on(self, request_id: UUID | None = None) -> bool:
        """Work on a request for some seconds, the given one or any; return whether one was due."""
        async with self._pool.connection() as conn:
            request = await store.claim(conn, request_id)
        if request is None:
            return False
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            if not await self._advance(request):
                return True
        async with self._pool.connection() as conn:
            await store.release(conn, request.id, 0)
        return True

    async def _advance(self, request: DataRequest) -> bool:
        """Make a batch and store the progress; return whether the request may go on at once."""
        kind = self._kinds[request.kind]
        request.step = request.step or next(iter(kind.steps))
        if request.attempts >= _MAX_ATTEMPTS:
            return await self._failed(request, "WorkerKilled", passing=True)
        try:
            done = await kind.advance(request)
        except NotReachedError as error:
            return await self._failed(request, str(error), passing=error.passing)
        except Exception as error:
            if is_away(error):
                raise
            ERRORS.labels("data_request").inc()
            log.exception("data_request_failed", request_id=str(request.id), step=request.step)
            return await self._failed(request, type(error).__name__, passing=True)
        request.attempts, request.error = 0, None
        return await self._next(request) if done else await self._save(request)

    async def _failed(self, request: DataRequest, why: str, *, passing: bool) -> bool:
        """Try the step again after a while, or go on without it; nothing goes on without the first step."""
        request.attempts, request.error = request.attempts + 1, why
        if passing and request.attempts < _MAX_ATTEMPTS:
            delay = min(2.0**request.attempts, _MAX_DELAY)
            log.warning("data_request_waits", request_id=str(request.id), step=request.step, error=why, retry_in=delay)
            await self._save(request)
            async with self._pool.connection() as conn:
                await store.release(conn, request.id, delay)
            return False
        request.missed(str(request.step), why, passing=passing)
        first = request.step == next(iter(self._kinds[request.kind].steps))
        return await self._end(request) if first else await self._next(request)

    async def _next(self, request: DataRequest) -> bool:
        names = list(self._kinds[request.kind].steps)
        place = names.index(str(request.step)) + 1
        if place == len(names):
            return await self._end(request)
        request.step, request.attempts = names[place], 0
        return await self._save(request)

    async def _save(self, request: DataRequest) -> bool:
        async with self._pool.connection() as conn:
            await store.save(conn, request)
        return True

    async def _end(self, request: DataRequest) -> bool:
        """End a request; where places were not reached, it can be continued from the first of them."""
        missed = request.report.get("not_reached", {})
        if missed:
            names = list(self._kinds[request.kind].steps)
            request.step = next((name for name in names if name in missed), names[0])
        async with self._pool.connection() as conn, conn.transaction():
            await store.save(conn, request)
            await store.end(conn, request)
            await audited(conn, request)
        log.info("data_request_ended", request_id=str(request.id), kind=request.kind, not_reached=sorted(missed))
        return False
