"""The credentials that a caller shows to `/internal`, and the answers that all its routes share."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from uuid import UUID

import psycopg
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.runtime.capabilities import Capabilities
from gateway.store.database import Pool, is_away
from gateway.store.turns.access import customer_of_open_turn

#: Answers a request for the data of one customer.
Handler = Callable[[Request, UUID], Awaitable[Response]]

_SCHEME = "Bearer "


class BearerToken:
    """A fixed bearer token. Without one no request is allowed."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def is_shown_by(self, request: Request) -> bool:
        """Return whether a request shows the token."""
        return bool(self._token) and hmac.compare_digest(_bearer(request).encode(), str(self._token).encode())


class RunAccess:
    """The access of a run: to the data of its turn's customer, as long as the turn is open."""

    def __init__(self, pool: Pool, capabilities: Capabilities) -> None:
        self._pool = pool
        self._capabilities = capabilities

    def guard(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler that answers 401 or 403 without access, and 503 while Postgres is away."""

        async def guarded(request: Request) -> Response:
            try:
                customer_id = await self._customer(request)
                return customer_id if isinstance(customer_id, Response) else await handler(request, customer_id)
            except psycopg.Error as error:
                if not is_away(error):
                    raise
                return PlainTextResponse("Postgres is away; try again", 503)

        return guarded

    async def _customer(self, request: Request) -> UUID | Response:
        """Return the present id of the customer whose data the request may read, else the refusal."""
        if (capability := self._capabilities.read(_bearer(request))) is None:
            return PlainTextResponse("the bearer token is no capability of a run, or it has expired", 401)
        async with self._pool.connection() as conn:
            customer_id = await customer_of_open_turn(conn, capability.turn_id, capability.customer_id)
        return customer_id or PlainTextResponse("the turn of this capability is not open any more", 403)


def _bearer(request: Request) -> str:
    """Return the bearer token of a request; empty if it has none."""
    given = request.headers.get("authorization", "")
    return given.removeprefix(_SCHEME) if given.startswith(_SCHEME) else ""
