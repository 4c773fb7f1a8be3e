"""Search: customers and messages in the place of the list, and the messages of one conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.console.inbox.desk import frame
from gateway.console.inbox.query import Query
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages, render
from gateway.console.rendering.phone_numbers import shown_number
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.database import Connection
from gateway.store.desk import customers, lists, search
from gateway.store.desk.search import SHORTEST, Hit
from gateway.store.people.people import Person, Role

SEARCH = "/console/search"
_LONGEST = 200  # letters of a search
_CUSTOMERS, _MESSAGES, _INSIDE = 6, 20, 100  # at once


class Search:
    """`/console/search`, its parts, and `/console/conversations/{id}/search`."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(SEARCH, self._page, Role.VIEWER),
            Page(f"{SEARCH}/found", self._found, Role.VIEWER),
            Page("/console/conversations/{id:uuid}/search", self._inside, Role.VIEWER),
        ]

    async def _page(self, request: Request) -> Response:
        async with self._pool.connection() as conn:
            context = await frame(conn, request)
            context |= await _all(conn, person_of(request), _words(request))
        return render(request, "inbox/page.html", **context, row=None, current=None)

    async def _found(self, request: Request) -> Response:
        """Return what was found as HTML: all, or the next customers (`after`), or the next messages (`before`)."""
        person, words, values = person_of(request), _words(request), request.query_params
        async with self._pool.connection() as conn:
            if after := values.get("after"):
                template, context = "found_customers", await _customers(conn, person, words, after)
            elif before := values.get("before"):
                template, context = "found_messages", await _messages(conn, person, words, _place(before))
            else:
                template, context = "found", await _all(conn, person, words)
        pages: Pages = request.app.state.pages
        context |= {"query": Query.of(values), "words": words}
        return HTMLResponse(pages.html(request, f"inbox/{template}.html", context))

    async def _inside(self, request: Request) -> Response:
        """Return the places of the messages that were found in a conversation, the newest first."""
        person, found = person_of(request), UUID(str(request.path_params["id"]))
        async with self._pool.connection() as conn:
            if await lists.one(conn, person, found) is None:
                raise RefusedError(404, "errors.404")
            hits = await search.inside(conn, _words(request), found, limit=_INSIDE + 1)
        places = [{"id": str(message), "seq": seq} for message, seq in hits[:_INSIDE]]
        return JSONResponse({"hits": places, "more": len(hits) > _INSIDE})


async def _all(conn: Connection, person: Person, words: str) -> dict[str, Any]:
    if len(words) < SHORTEST:
        return {"words": words, "short": True}
    named = await _customers(conn, person, words, None)
    if not named["people"]:
        rows = await search.similar(conn, person, words, limit=_CUSTOMERS)
        named |= {"people": rows, "like": bool(rows), "numbers": await _numbers(conn, person, rows)}
    said = await _messages(conn, person, words, None)
    numbers = named["numbers"] | said["numbers"]
    return {"words": words, "short": False, **named, **said, "numbers": numbers}


async def _customers(conn: Connection, person: Person, words: str, after: str | None) -> dict[str, Any]:
    try:
        page = await search.customers(conn, person, words, limit=_CUSTOMERS, after=after)
    except ValueError:
        raise RefusedError(400, "errors.400") from None
    numbers = await _numbers(conn, person, page.rows)
    return {"people": page.rows, "more_people": page.next, "like": False, "numbers": numbers}


async def _messages(conn: Connection, person: Person, words: str, before: int | None) -> dict[str, Any]:
    found = await search.messages(conn, person, words, limit=_MESSAGES, before=before)
    return {
        "hits": found.hits, "texts": {hit.id: marked(hit.text) for hit in found.hits},
        "more_hits": found.next, "sought": found.sought, "numbers": await _numbers(conn, person, found.hits),
    }  # fmt: skip


async def _numbers(conn: Connection, person: Person, found: list[lists.Row] | list[Hit]) -> Mapping[UUID, str]:
    """Return the numbers of customers as a person may read them."""
    numbers = await customers.numbers(conn, [one.contact_id for one in found])
    return {contact: shown_number(person, number) for contact, number in numbers.items()}


def marked(text: str) -> Markup:
    """Return a hit's text as HTML with its words marked; all else is text."""
    escaped = str(escape(" ".join(text.split())))
    html = escaped.replace(search.BEGINS, "<mark>").replace(search.ENDS, "</mark>")
    return Markup(html)  # noqa: S704  # escaped, and the marks are ours


def _words(request: Request) -> str:
    return request.query_params.get("q", "").replace("\0", "").strip()[:_LONGEST]


def _place(before: str) -> int:
    if not before.isdecimal() or len(before) > 18:
        raise RefusedError(400, "errors.400")
    return int(before)
