"""The word of people about an answer of the agent; one that was bad is among the questions without an answer too."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import Fields, conversation_id
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.desk import feedback, lists
from gateway.store.people import audit
from gateway.store.people.people import Role

_LONGEST_REASON, _LONGEST_QUESTION = 500, 1000


class Marking:
    """`POST /console/conversations/{id}/mark` with `turn`, `good` and `reason`."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server
        self._has_knowledge = parts.settings.knowledge_token is not None

    def routes(self) -> list[Page]:
        """Return the route to mount."""
        return [Page(f"{CONVERSATION}/mark", self._mark, Role.ATTENDANT, ["POST"])]

    async def _mark(self, request: Request) -> Response:
        """Keep the mark, then note the question; a knowledge that is away is told, the mark stays."""
        person, found, fields = person_of(request), conversation_id(request), await Fields.of(request)
        turn, good, reason = fields.id("turn"), fields.flag("good"), fields.text("reason", _LONGEST_REASON).strip()
        async with self._pool.connection() as conn, conn.transaction():
            if turn is None or await lists.one(conn, person, found) is None:
                raise RefusedError(404, "errors.404")
            if not await feedback.mark(conn, found, turn, person.id, reason, good=good):
                raise RefusedError(404, "errors.404")
            await audit.write(conn, person, "answer_marked", f"conversation:{found}", {"good": good})
            question = await feedback.question(conn, turn)
        if not good and self._has_knowledge and question:
            question = question[:_LONGEST_QUESTION]
            noted = {"turn_id": str(turn), "thread_id": str(found), "question": question, "note": reason}
            await self._server.change("POST", "/knowledge/unanswered", noted)
        return JSONResponse({})
