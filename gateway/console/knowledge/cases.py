"""*Avaliação*: questions that the knowledge has to answer, run with what is published at each look."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.questions import group_of
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import CASE, CASES, PROPOSED, Case
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.people import audit
from gateway.store.people.people import Role

CASES_PAGE = f"{KNOWLEDGE}/cases"
_ID = re.compile(r"[0-9]{1,18}")  # a longer one is no bigint
_RUN_SECONDS = 60.0  # a search for each case
_LONGEST = {"question": 1000, "department": 63, "channel_id": 63}


class EvaluationCases:
    """The page `/console/knowledge/cases`."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [
            Page(CASES_PAGE, self._show, Role.MANAGER),
            Page(f"{CASES_PAGE}/new", self._propose, Role.MANAGER),
            Page(CASES_PAGE, self._add, Role.MANAGER, ["POST"]),
            Page(f"{CASES_PAGE}/{{id}}/delete", self._remove, Role.MANAGER, ["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        cases = await self._server.get("/knowledge/cases", CASES, seconds=_RUN_SECONDS)
        return _page(request, cases=cases, proposed={})

    async def _propose(self, request: Request) -> Response:
        """Show the words of a question without the customer's, for the person to read before they are kept."""
        group = (await group_of(self._server, self._pool, request)).group
        where = {"department": group.department, "channel_id": group.channel_id}
        asked = {"question": group.question[: _LONGEST["question"]], **where}
        proposed = await self._server.ask("/knowledge/cases/propose", asked, PROPOSED)
        return _page(request, cases=None, proposed={"question": proposed.question, **where})

    async def _add(self, request: Request) -> Response:
        form = await request.form()
        given = {name: str(form.get(name, "")).strip()[:longest] or None for name, longest in _LONGEST.items()}
        if given["question"]:
            case = await self._server.change("POST", "/knowledge/cases", given, CASE)
            await self._done(request, "knowledge_case_made", case.id)
        return RedirectResponse(CASES_PAGE, 303)

    async def _remove(self, request: Request) -> Response:
        case = str(request.path_params["id"])
        if not _ID.fullmatch(case):
            raise RefusedError(404, "errors.404")
        await self._server.change("DELETE", f"/knowledge/cases/{case}")
        await self._done(request, "knowledge_case_deleted", case)
        return RedirectResponse(CASES_PAGE, 303)

    async def _done(self, request: Request, action: str, case: int | str) -> None:
        async with self._pool.connection() as conn:
            await audit.write(conn, person_of(request), action, f"knowledge_case:{case}")


def _page(request: Request, cases: list[Case] | None, proposed: dict[str, str | None]) -> Response:
    """Show the cases as they were run just now, or none: a proposal does not wait for all of them."""
    return render(request, "knowledge/cases.html", cases=cases, proposed=dict.fromkeys(_LONGEST) | proposed)
