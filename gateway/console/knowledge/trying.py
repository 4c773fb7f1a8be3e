"""*Testar*: a question, the passages that are found for it, and those that the agent would be given."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.inbox.query import as_uuid
from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import ANSWER, OVERVIEW, PLACES, TRIAL, Answer, Trial
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page
from gateway.store.desk import customers
from gateway.store.people.people import Role

TRY = f"{KNOWLEDGE}/try"
ANSWER_SECONDS = 40.0  # a model takes its time
_LONGEST = {"question": 1000, "department": 63, "channel_id": 63}


class Trying:
    """The page `/console/knowledge/try`; questions are posted, so that no address has a customer's words."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [Page(TRY, self._show, Role.ATTENDANT), Page(TRY, self._try, Role.ATTENDANT, ["POST"])]

    async def _show(self, request: Request) -> Response:
        return await self._page(request, {}, str(as_uuid(request.query_params.get("draft", "")) or ""), None)

    async def _try(self, request: Request) -> Response:
        form = await request.form()
        asked = {name: str(form.get(name, "")).strip()[:longest] for name, longest in _LONGEST.items()}
        draft = str(as_uuid(str(form.get("draft", ""))) or "")
        body = {name: value or None for name, value in (asked | {"source_id": draft}).items()}
        if not asked["question"]:
            return await self._page(request, asked, draft, None)
        tried = await self._server.ask("/knowledge/try", body, TRIAL)
        if not form.get("answer"):
            return await self._page(request, asked, draft, tried)
        answer = await self._server.ask("/knowledge/answer", body, ANSWER, ANSWER_SECONDS)
        return await self._page(request, asked, draft, tried, answer)

    async def _page(
        self, request: Request, asked: dict[str, str], draft: str, tried: Trial | None, answer: Answer | None = None
    ) -> Response:
        """Show the page. draft: the text whose draft is tried, instead of what is published."""
        found = await self._server.get("/knowledge/overview", OVERVIEW, {"state": "draft"})
        places = await self._server.get("/knowledge/places", PLACES)
        async with self._pool.connection() as conn:
            channels = await customers.channels(conn)
        return render(
            request, "knowledge/try.html", asked={name: asked.get(name, "") for name in _LONGEST}, draft=draft,
            tried=tried, answer=answer, drafts={str(one.source_id): one.title for one in found.rows},
            places=places.named, channels=channels,
        )  # fmt: skip
