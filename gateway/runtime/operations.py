"""What operators ask: alive, ready, healthy, and how much of what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

#: None when all is well, else one sentence that says what is wrong.
Check = Callable[[], Awaitable[str | None]]

_CHECK_SECONDS = 5.0


class Ops:
    """``/healthz`` (the process), ``/readyz`` (what it cannot do without), ``/health`` (all it uses), ``/metrics``.

    warning: what will stop working if nobody acts; said in ``/health``, which stays 200 for it.
    """

    def __init__(self, checks: Mapping[str, Check], needed: frozenset[str], warning: Check | None = None) -> None:
        self._checks = checks
        self._warning = warning
        self._needed = needed

    def routes(self) -> list[Route]:
        """The routes to mount."""
        return [
            alive(),
            Route("/readyz", self._ready),
            Route("/health", self._health),
            Route("/metrics", _metrics),
        ]

    async def _ready(self, _: Request) -> Response:
        problems = await self._ask(self._needed)
        said = {name: problem for name, problem in problems.items() if problem}
        return JSONResponse({"ready": not said, **said}, 503 if said else 200)

    async def _health(self, _: Request) -> Response:
        problems = await self._ask(frozenset(self._checks))
        parts = {name: problem or "ok" for name, problem in problems.items()}
        healthy = not any(problems.values())
        said = {"warning": warning} if self._warning and (warning := await self._warning()) else {}
        status = "ok" if healthy else "degraded"
        return JSONResponse({"status": status, "parts": parts, **said}, 200 if healthy else 503)

    async def _ask(self, names: frozenset[str]) -> dict[str, str | None]:
        chosen = [name for name in self._checks if name in names]
        answers = await asyncio.gather(*(self._one(name) for name in chosen))
        return dict(zip(chosen, answers, strict=True))

    async def _one(self, name: str) -> str | None:
        try:
            return await asyncio.wait_for(self._checks[name](), _CHECK_SECONDS)
        except TimeoutError:
            return f"no answer within {_CHECK_SECONDS:.0f} s"


def alive() -> Route:
    """``GET /healthz``: the process answers, and says nothing else."""
    return Route("/healthz", _alive)


async def _alive(_: Request) -> Response:
    return Response()


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
