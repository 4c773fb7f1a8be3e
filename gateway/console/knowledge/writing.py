"""The form in which people write a text: each saving is a draft, which the agent does not use."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.knowledge.forms import Written
from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.questions import group_of
from gateway.console.knowledge.requests import ONE, done, versions
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import PLACES, VERSION, Version
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.desk import customers
from gateway.store.people.people import Role


class Writing:
    """`/console/knowledge/new` and `/console/knowledge/{id}/edit`."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server
        self._zone = ZoneInfo(parts.settings.console_timezone)

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [
            Page(f"{KNOWLEDGE}/new", self._new, Role.MANAGER),
            Page(KNOWLEDGE, self._save, Role.MANAGER, ["POST"]),
            Page(f"{ONE}/edit", self._edit, Role.MANAGER),
            Page(ONE, self._save, Role.MANAGER, ["POST"]),
        ]

    async def _new(self, request: Request) -> Response:
        """Show an empty form, or that of a text which answers a question (`question`)."""
        person = person_of(request)
        if "question" in request.query_params:
            found = await group_of(self._server, self._pool, request)
            return await self._page(request, found.written(person), question=str(found.group.asked[0].id))
        kind = "markdown" if request.query_params.get("kind") == "markdown" else "qa"
        return await self._page(request, Written(kind=kind, owner=person.name))

    async def _edit(self, request: Request) -> Response:
        newest = await self._newest(request)
        return await self._page(request, Written.again(newest, self._zone), newest)

    async def _page(
        self, request: Request, text: Written, newest: Version | None = None, problem: str | None = None,
        question: str = "",
    ) -> Response:  # fmt: skip
        places = await self._server.get("/knowledge/places", PLACES)
        async with self._pool.connection() as conn:
            channels = await customers.channels(conn)
        return render(
            request, "knowledge/edit.html", 422 if problem else 200, text=text, newest=newest, problem=problem,
            question=question, places=places.named, owners=places.owners, channels=channels,
        )  # fmt: skip

    async def _save(self, request: Request) -> Response:
        """Write a draft: of a new text, or in place of the text's draft unless somebody has written another one."""
        form = await request.form()
        question = str(form.get("question", ""))
        text, newest = Written.of(form), await self._newest(request) if "id" in request.path_params else None
        problem = text.problem()
        if newest and str(form.get("seen", "")) != newest.seen:
            problem = "knowledge.changed"
        if problem:
            return await self._page(request, text, newest, problem, question)
        draft = await self._kept(request, text.body(self._zone), newest)
        await done(request, self._pool, "knowledge_written", draft.source_id, {"version": draft.number})
        return RedirectResponse(f"{KNOWLEDGE}/{draft.source_id}", 303)

    async def _kept(self, request: Request, body: dict[str, object], newest: Version | None) -> Version:
        """Write the draft; one that answers questions lets them go when it is published."""
        if newest:
            return await self._server.change("PUT", f"/knowledge/sources/{newest.source_id}", body, VERSION)
        if (await request.form()).get("question"):
            ids = [one.id for one in (await group_of(self._server, self._pool, request)).group.asked]
            return await self._server.change("POST", "/knowledge/unanswered/draft", {"ids": ids, "text": body}, VERSION)
        return await self._server.change("POST", "/knowledge/sources", body, VERSION)

    async def _newest(self, request: Request) -> Version:
        """Return the newest version of a text that people write. Raises RefusedError for one that follows a file."""
        newest = (await versions(self._server, request))[0]
        if newest.origin is not None:
            raise RefusedError(409, "knowledge.follows", values={"origin": newest.origin})
        return newest
