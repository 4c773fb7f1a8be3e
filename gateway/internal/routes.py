"""The routes under `/internal`, for the agent only: never routed from outside, and about one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from gateway.internal.auth import RunAccess
from gateway.internal.history import History
from gateway.internal.media import Media
from gateway.internal.proofs import Proofs
from gateway.runtime.capabilities import Capabilities
from gateway.store.database import Pool

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Internal:
    """All routes under `/internal` but that of templates."""

    def __init__(self, pool: Pool, objects: ObjectStore, capabilities: Capabilities) -> None:
        self._access = RunAccess(pool, capabilities)
        self._history, self._proofs, self._media = History(pool), Proofs(pool), Media(pool, objects)

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        guard = self._access.guard
        return [
            Route("/internal/history", guard(self._history.answer)),
            Route("/internal/proofs", guard(self._proofs.answer), methods=["POST"]),
            Route("/internal/media/{media_id:uuid}", guard(self._media.answer)),
        ]
