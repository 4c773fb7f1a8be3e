"""The inbox: its page, further rows, and the rows that changed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.console.inbox.desk import count_of, frame, listing, names
from gateway.console.inbox.query import INBOX, Query, as_uuid
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages, render
from gateway.console.routes import Page, person_of
from gateway.store.desk import lists
from gateway.store.people.people import Role

_MOST_ROWS = 60  # that a page asks for at once


class Inbox:
    """`/console/`, and the parts of it that scripts fetch."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(INBOX, self._page, Role.VIEWER),
            Page("/console/list", self._list, Role.VIEWER),
            Page("/console/rows", self._rows, Role.VIEWER),
        ]

    async def _page(self, request: Request) -> Response:
        async with self._pool.connection() as conn:
            context = await frame(conn, request)
        return render(request, "inbox/page.html", **context, row=None, current=None)

    async def _list(self, request: Request) -> Response:
        """Return a page of a list as HTML."""
        person, query = person_of(request), Query.of(request.query_params)
        async with self._pool.connection() as conn:
            context = await listing(conn, person, query, request.query_params.get("after"))
        return HTMLResponse(_pages(request).html(request, "inbox/rows.html", {**context, "current": None}))

    async def _rows(self, request: Request) -> Response:
        """Return the rows of conversations that changed: HTML and place of each, None where it is not in the list."""
        person, query = person_of(request), Query.of(request.query_params)
        ids = [found for one in request.query_params.getlist("id")[:_MOST_ROWS] if (found := as_uuid(one))]
        async with self._pool.connection() as conn:
            rows = await lists.some(conn, person, ids)
            counts = await lists.counts(conn, person)
            called = await names(conn, person, rows)
        pages = _pages(request)
        told: dict[str, object] = {str(one): None for one in ids}
        for row in rows:
            context = {"query": query, "row": row, "names": called, "current": None}
            told[str(row.id)] = {
                "html": pages.html(request, "inbox/row.html", context) if query.holds(row, person) else None,
                "place": query.place(row),
                "waiting": row.state == "waiting",
                "mine": row.assignee_id == person.id,
                "unread": row.unread,
                "newest": row.newest,
            }
        return JSONResponse({"rows": told, "counts": count_of(counts), "attention": counts.waiting + counts.mine})


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages
