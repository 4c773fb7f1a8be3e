"""The list of texts, narrowed down to what a person looks for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import KINDS, OVERVIEW, PLACES, STATES
from gateway.console.rendering.pages import render
from gateway.console.routes import Page
from gateway.store.people.people import Role

KNOWLEDGE = "/console/knowledge"
_LONGEST = {"words": 200, "state": 20, "kind": 20, "department": 63, "owner": 200}


class Listing:
    """The page `/console/knowledge`."""

    def __init__(self, server: KnowledgeServer) -> None:
        self._server = server

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [Page(KNOWLEDGE, self._list, Role.ATTENDANT)]

    async def _list(self, request: Request) -> Response:
        wanted = {name: request.query_params.get(name, "")[:longest] for name, longest in _LONGEST.items()}
        wanted["state"] = wanted["state"] if wanted["state"] in STATES else ""
        wanted["kind"] = wanted["kind"] if wanted["kind"] in KINDS else ""
        found = await self._server.get("/knowledge/overview", OVERVIEW, wanted)
        places = await self._server.get("/knowledge/places", PLACES)
        return render(
            request, "knowledge/list.html", found=found, wanted=wanted, states=STATES, kinds=KINDS,
            places=places.named, owners=places.owners,
        )  # fmt: skip
