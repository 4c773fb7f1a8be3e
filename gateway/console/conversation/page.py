"""The page of a conversation, and the parts of it that scripts fetch anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.console import texts
from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import conversation_id
from gateway.console.conversation.timeline import entries
from gateway.console.inbox.desk import frame, names
from gateway.console.inbox.query import Query
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages, render
from gateway.console.rendering.times import Times
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.composer import fallbacks, notes, uploads
from gateway.store.database import Connection
from gateway.store.desk import changes, customers, episodes, feedback, lists, thread, work
from gateway.store.desk.lists import Row
from gateway.store.people import people
from gateway.store.people.people import Person, Role

_MESSAGES, _FAR = 50, 500  # at once, and on the way to an old one
_EPISODES = 10


class Conversation:
    """`/console/conversations/{id}`, and its parts: `pane`, the whole; `head`, who has it; `thread`, its messages."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._has_business = parts.settings.business_token is not None

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(CONVERSATION, self._page, Role.VIEWER),
            Page(f"{CONVERSATION}/pane", self._pane, Role.VIEWER),
            Page(f"{CONVERSATION}/head", self._head, Role.VIEWER),
            Page(f"{CONVERSATION}/thread", self._thread, Role.VIEWER),
        ]

    async def _page(self, request: Request) -> Response:
        async with self._pool.connection() as conn:
            context = await frame(conn, request)
            of_list = context["names"]
            context |= await self._whole(conn, request)
        context["names"] |= of_list
        return render(request, "inbox/page.html", **context)

    async def _pane(self, request: Request) -> Response:
        """Return the conversation and the customer; the cursor says from where on changes are news."""
        async with self._pool.connection() as conn:
            cursor = await changes.newest(conn)
            context = await self._whole(conn, request)
        return _part(request, "conversation/pane.html", {**context, "cursor": cursor})

    async def _head(self, request: Request) -> Response:
        async with self._pool.connection() as conn:
            context = await self._standing(conn, request)
            context |= await _customer(conn, context["row"])
        return _part(request, "conversation/head.html", context)

    async def _thread(self, request: Request) -> Response:
        """Return the newest messages, or those before a place: `before` (seq) and `until` (its time)."""
        person, found, query = person_of(request), conversation_id(request), request.query_params
        before, until = _place(query.get("before", ""), query.get("until", ""))
        async with self._pool.connection() as conn:
            row = await _row(conn, person, found)
            most = _FAR if query.get("far") else _MESSAGES
            context = await _messages(conn, request, row, before, until, most)
        return _part(request, "conversation/thread.html", {**context, "mine": _is_mine(row, person)})

    async def _whole(self, conn: Connection, request: Request) -> dict[str, Any]:
        person = person_of(request)
        context = await self._standing(conn, request)
        row: Row = context["row"]
        return {
            **context,
            **await _messages(conn, request, row, None, None),
            **await _customer(conn, row),
            "uploads": await uploads.of(conn, row.id, person.id),
            "drafts": {one.mode: one for one in await notes.drafts(conn, row.id, person.id)},
            "attendants": [
                one for one in await people.every(conn) if one.may(Role.ATTENDANT) and one.sees(row.department)
            ],
            "has_business": self._has_business,
            "all_departments": await customers.departments(conn, person),
        }

    async def _standing(self, conn: Connection, request: Request) -> dict[str, Any]:
        person = person_of(request)
        row = await _row(conn, person, conversation_id(request))
        return {
            "fallback": await fallbacks.of(conn, row.channel_id) if _closed(request, row) else None,
            "row": row, "query": Query.of(request.query_params), "names": await names(conn, person, [row]),
            "mine": _is_mine(row, person), "current": row.id,
        }  # fmt: skip


def _closed(request: Request, row: Row) -> bool:
    return times(request).window_end(row.last_inbound_at) is None


def _is_mine(row: Row, person: Person) -> bool:
    return row.assignee_id == person.id and row.state in ("taken", "snoozed")


async def _row(conn: Connection, person: Person, found: UUID) -> Row:
    row = await lists.one(conn, person, found)
    if row is None:
        raise RefusedError(404, "errors.404")
    return row


async def _messages(
    conn: Connection, request: Request, row: Row, before: int | None, until: datetime | None, most: int = _MESSAGES
) -> dict[str, Any]:
    found = await thread.page(conn, row.id, limit=most + 1, before=before)
    more, found = len(found) > most, found[-most:]
    since = found[0].created_at if more else None
    written = await notes.of(conn, row.id, since=since, until=until)
    turns = {one.turn_id for one in found if one.turn_id and one.author == "agent"}
    done, marks = await work.of(conn, turns), await feedback.marks(conn, turns)
    return {
        "entries": entries(found, written, times(request), done, marks), "trace_url": request.app.state.trace_url,
        "more": more, "since": since,
        "oldest": found[0].seq if found else None, "newest_seq": found[-1].seq if found else 0,
    }  # fmt: skip


async def _customer(conn: Connection, row: Row) -> dict[str, Any]:
    customer = await customers.find(conn, row.contact_id)
    if customer is None:
        raise RefusedError(404, "errors.404")
    return {
        "customer": customer,
        "episodes": await episodes.of(conn, row.id, _EPISODES),
    }


def _place(before: str, until: str) -> tuple[int | None, datetime | None]:
    if not before:
        return None, None
    try:
        at = datetime.fromisoformat(until)
        seq = int(before)
    except ValueError:
        raise RefusedError(400, "errors.400") from None
    if at.tzinfo is None or not 0 <= seq < 2**63:
        raise RefusedError(400, "errors.400")
    return seq, at


def times(request: Request) -> Times:
    """Return the clock of a page, in the person's language."""
    pages: Pages = request.app.state.pages
    return Times(pages.zone, texts.words(request.state.language))


def _part(request: Request, template: str, context: dict[str, Any]) -> Response:
    pages: Pages = request.app.state.pages
    return HTMLResponse(pages.html(request, template, context))
