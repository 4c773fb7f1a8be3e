"""*Sem resposta*: questions that the agent had no answer for, in groups; made drafts or settled."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.inbox.query import as_uuid
from gateway.console.knowledge.forms import LONGEST, WORDINGS_LIMIT, Written
from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.requests import done
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import GROUPS, VERSION, Group
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.database import Pool
from gateway.store.desk import passages
from gateway.store.desk.passages import Later
from gateway.store.people import audit
from gateway.store.people.people import Person, Role

UNANSWERED = f"{KNOWLEDGE}/unanswered"


@dataclass(frozen=True)
class Shown:
    """A group with what the conversations tell. answer: the words in which a person answered; empty: nobody has."""

    group: Group
    conversations: list[UUID]
    answer: str

    def written(self, person: Person) -> Written:
        """Return the form of a text that answers the group."""
        return Written(
            title=" ".join(self.group.question.split())[: LONGEST["title"]], content=self.answer,
            wordings="\n".join(" ".join(one.split()) for one in self.group.wordings[:WORDINGS_LIMIT]),
            department=self.group.department or "", channel_id=self.group.channel_id or "", owner=person.name,
        )  # fmt: skip


class Questions:
    """The page `/console/knowledge/unanswered`."""

    def __init__(self, parts: Parts, server: KnowledgeServer) -> None:
        self._pool = parts.pool
        self._server = server

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [
            Page(UNANSWERED, self._show, Role.ATTENDANT),
            Page(f"{UNANSWERED}/draft", self._draft, Role.MANAGER, ["POST"]),
            Page(f"{UNANSWERED}/settle", self._settle, Role.MANAGER, ["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        groups = await self._server.get("/knowledge/unanswered/groups", GROUPS)
        return render(request, "knowledge/unanswered.html", found=await shown(self._pool, person_of(request), groups))

    async def _draft(self, request: Request) -> Response:
        """Make the person's later answer a draft; where there is none, open the form with the question."""
        found = await group_of(self._server, self._pool, request)
        if not found.answer:
            return RedirectResponse(f"{KNOWLEDGE}/new?question={found.group.asked[0].id}", 303)
        text = found.written(person_of(request)).body()
        body = {"ids": [one.id for one in found.group.asked], "text": text}
        draft = await self._server.change("POST", "/knowledge/unanswered/draft", body, VERSION)
        await done(request, self._pool, "knowledge_written", draft.source_id, {"version": draft.number})
        return RedirectResponse(f"{KNOWLEDGE}/{draft.source_id}/edit", 303)

    async def _settle(self, request: Request) -> Response:
        found = await group_of(self._server, self._pool, request)
        ids = [one.id for one in found.group.asked]
        await self._server.change("POST", "/knowledge/unanswered/settle", {"ids": ids})
        async with self._pool.connection() as conn:
            await audit.write(conn, person_of(request), "question_settled", f"question:{ids[0]}", {"counts": len(ids)})
        return RedirectResponse(UNANSWERED, 303)


async def group_of(server: KnowledgeServer, pool: Pool, request: Request) -> Shown:
    """Return the group of the question that a form or an address names. Raises RefusedError if it is gone."""
    form = await request.form() if request.method == "POST" else request.query_params
    wanted = str(form.get("question", ""))
    groups = await server.get("/knowledge/unanswered/groups", GROUPS)
    group = next((one for one in groups if wanted in {str(asked.id) for asked in one.asked}), None)
    if group is None:
        raise RefusedError(404, "knowledge.question_gone")
    [found] = await shown(pool, person_of(request), [group])
    return found


async def shown(pool: Pool, person: Person, groups: list[Group]) -> list[Shown]:
    """Return groups with what a person may see of their conversations."""
    turns = {found for group in groups for one in group.asked if (found := as_uuid(one.turn_id))}
    async with pool.connection() as conn:
        later = await passages.later_answers(conn, person, turns)
    return [_shown(group, later) for group in groups]


def _shown(group: Group, later: dict[UUID, Later]) -> Shown:
    found = [later[turn] for one in group.asked if (turn := as_uuid(one.turn_id)) in later]
    answer = next((one.answer for one in found if one.answer.strip()), "")
    return Shown(group, list(dict.fromkeys(one.conversation_id for one in found)), answer.strip())
