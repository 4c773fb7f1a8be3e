"""The left side of the page: lists, their counts, what they can be narrowed down to."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from gateway.console.inbox.query import VIEWS, Query
from gateway.console.rendering.phone_numbers import shown_number
from gateway.console.routes import RefusedError, person_of
from gateway.store.database import Connection
from gateway.store.desk import changes, customers, lists, tags
from gateway.store.desk.lists import Counts, Row
from gateway.store.people import people
from gateway.store.people.people import Person

PAGE = 40


async def frame(conn: Connection, request: Request) -> dict[str, Any]:
    """Return what the inbox's frame shows around a conversation. The cursor comes first: nothing after it is missed."""
    person, query = person_of(request), Query.of(request.query_params)
    cursor = await changes.newest(conn)
    counts = await lists.counts(conn, person)
    colleagues = [one for one in await people.every(conn) if not one.disabled]
    return {
        **await listing(conn, person, query, request.query_params.get("after")),
        "cursor": cursor,
        "counts": count_of(counts),
        "attention": counts.waiting + counts.mine,
        "own": [str(one) for one in counts.own],
        "views": list(VIEWS),
        "colleagues": colleagues,
        "all_tags": await tags.every(conn),
        "channels": await customers.channels(conn),
        "departments": await customers.departments(conn, person),
    }


async def listing(conn: Connection, person: Person, query: Query, after: str | None = None) -> dict[str, Any]:
    """Return a page of a list. Raises RefusedError for a cursor that is none."""
    try:
        page = await lists.page(conn, person, query.wanted(person), limit=PAGE, after=after or None)
    except ValueError:
        raise RefusedError(400, "errors.400") from None
    return {"query": query, "rows": page.rows, "older": page.next, "names": await names(conn, person, page.rows)}


async def names(conn: Connection, person: Person, rows: list[Row]) -> dict[Any, str]:
    """Return what to call the customers of rows who told no name: their numbers."""
    nameless = [row.contact_id for row in rows if not row.customer_name]
    found = await customers.numbers(conn, nameless) if nameless else {}
    return {contact: shown_number(person, number) for contact, number in found.items()}


def count_of(counts: Counts) -> dict[str, int]:
    """Return the counts that the lists show."""
    return {"waiting": counts.waiting, "mine": counts.mine, "snoozed": counts.snoozed}
