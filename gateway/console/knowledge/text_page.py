"""A text with its versions and passages, and the decisions about it: publish, take back, delete."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.requests import ONE, done, text_id, versions
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import PASSAGES, PLACES, Version
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.desk import passages
from gateway.store.people.people import Role

_USES_SHOWN = 20


class TextPage:
    """`/console/knowledge/{id}` and the decisions below it."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [
            Page(ONE, self._show, Role.ATTENDANT),
            Page(f"{ONE}/publish", self._publish, Role.MANAGER, ["POST"]),
            Page(f"{ONE}/take-back", self._take_back, Role.MANAGER, ["POST"]),
            Page(f"{ONE}/delete", self._delete, Role.MANAGER, ["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        known = await versions(self._server, request)
        draft, live = _of_state(known, "draft"), _of_state(known, "published")
        shown = draft or live or known[0]
        read = await self._server.get(f"/knowledge/sources/{shown.source_id}/passages/{shown.number}", PASSAGES)
        places = (await self._server.get("/knowledge/places", PLACES)).named
        async with self._pool.connection() as conn:
            used = await passages.count(conn, shown.source_id)
            uses = await passages.uses(conn, person_of(request), shown.source_id, _USES_SHOWN)
        return render(
            request, "knowledge/text.html", versions=known, draft=draft, live=live, shown=shown, passages=read,
            places=places, used=used, uses=uses,
        )  # fmt: skip

    async def _publish(self, request: Request) -> Response:
        """Publish the draft that the person saw; one that was written since is looked at first."""
        seen = str((await request.form()).get("seen", ""))
        draft = _of_state(await versions(self._server, request), "draft")
        if draft is None or draft.seen != seen:
            raise RefusedError(409, "knowledge.changed")
        await self._server.change("POST", f"/knowledge/sources/{draft.source_id}/publish")
        await done(request, self._pool, "knowledge_published", draft.source_id, {"version": draft.number})
        return RedirectResponse(f"{KNOWLEDGE}/{draft.source_id}", 303)

    async def _take_back(self, request: Request) -> Response:
        text = text_id(request)
        await self._server.change("POST", f"/knowledge/sources/{text}/take-back")
        await done(request, self._pool, "knowledge_taken_back", text)
        return RedirectResponse(f"{KNOWLEDGE}/{text}", 303)

    async def _delete(self, request: Request) -> Response:
        text = text_id(request)
        await self._server.change("DELETE", f"/knowledge/sources/{text}")
        await done(request, self._pool, "knowledge_deleted", text)
        return RedirectResponse(KNOWLEDGE, 303)


def _of_state(known: list[Version], state: str) -> Version | None:
    return next((one for one in known if one.state == state), None)
