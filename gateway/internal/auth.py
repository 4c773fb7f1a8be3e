"""The bearer token that a caller shows to `/internal`, and the answers that all its routes share."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

import psycopg
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.store.database import is_away

Handler = Callable[[Request], Awaitable[Response]]


class BearerToken:
    """The internal token. Without one no request is allowed."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def is_shown_by(self, request: Request) -> bool:
        """Return whether a request shows the token."""
        given = request.headers.get("authorization", "").encode()
        return bool(self._token) and hmac.compare_digest(given, f"Bearer {self._token}".encode())

    def guard(self, handler: Handler) -> Handler:
        """Return a handler that answers 401 without the token, and 503 while Postgres is away."""

        async def guarded(request: Request) -> Response:
            if not self.is_shown_by(request):
                return PlainTextResponse("the bearer token is not INTERNAL_TOKEN", 401)
            try:
                return await handler(request)
            except psycopg.Error as error:
                if not is_away(error):
                    raise
                return PlainTextResponse("Postgres is away; try again", 503)

        return guarded
