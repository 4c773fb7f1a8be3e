"""The routes for operators: alive, ready, healthy, metrics."""

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
    """`/healthz` (the process), `/readyz` (the parts it cannot work without), `/health` (all its parts), `/metrics`.

    warning: a check for what will stop working unless somebody acts. `/health` shows it, and its status stays 200.
    """

    def __init__(self, checks: Mapping[str, Check], needed: frozenset[str], warning: Check | None = None) -> None:
        self._checks = checks
        self._warning = warning
        self._needed = needed

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        return [
            alive(),
            Route("/readyz", self._ready),
            Route("/health", self._health),
            Route("/metrics", _metrics),
        ]

    async def _ready(self, _: Request) -> Response:
        problems = await self._ask(self._needed)
        missing = {name: problem for name, problem in problems.items() if problem}
        return JSONResponse({"ready": not missing, **missing}, 503 if missing else 200)

    async def _health(self, _: Request) -> Response:
        problems = await self._ask(frozenset(self._checks))
        parts = {name: problem or "ok" for name, problem in problems.items()}
        healthy = not any(problems.values())
        more = {"warning": warning} if self._warning and (warning := await self._warning()) else {}
        status = "ok" if healthy else "degraded"
        return JSONResponse({"status": status, "parts": parts, **more}, 200 if healthy else 503)

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
    """Return the route `GET /healthz`: an empty answer of the process."""
    return Route("/healthz", _alive)


async def _alive(_: Request) -> Response:
    return Response()


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
