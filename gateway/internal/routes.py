"""The routes under `/internal`, for the agent only: never routed from outside, and opened by a bearer token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route

from gateway.internal.auth import BearerToken
from gateway.internal.history import History
from gateway.internal.media import Media
from gateway.internal.proofs import Proofs
from gateway.store.database import Pool

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Internal:
    """All routes under `/internal` but that of templates. Without a token they refuse every request."""

    def __init__(self, pool: Pool, objects: ObjectStore, token: str | None) -> None:
        self._token = BearerToken(token)
        self._history, self._proofs, self._media = History(pool), Proofs(pool), Media(pool, objects)

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        guard = self._token.guard
        return [
            Route("/internal/customers/{customer_id:uuid}/history", guard(self._history.answer)),
            Route("/internal/customers/{customer_id:uuid}/proofs", guard(self._proofs.answer), methods=["POST"]),
            Route("/internal/media/{media_id:uuid}", guard(self._media.answer)),
        ]

    def allowed(self, request: Request) -> bool:
        """Return whether a request shows the internal token."""
        return self._token.is_shown_by(request)
