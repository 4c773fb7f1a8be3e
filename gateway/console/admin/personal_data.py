"""Everything about one customer, for admins: gathered in a file, or erased; and the requests that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway.console.admin import missed
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.object_store import open_store
from gateway.store import conversations
from gateway.store.customers import data_requests
from gateway.store.customers.data_requests import DataRequest
from gateway.store.database import Connection
from gateway.store.desk import customers
from gateway.store.outbox import queue
from gateway.store.people import audit
from gateway.store.people.people import Person, Role

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

REQUESTS = "/console/data-requests"
_CUSTOMER = "/console/customers/{id:uuid}/data"
_ONE = f"{REQUESTS}/{{id:uuid}}"
_MOST = 200
_LONGEST_REASON = 1000


class PersonalData:
    """`/console/customers/{id}/data`, and `/console/data-requests`. `gateway work` carries the requests out."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._objects: ObjectStore = open_store(parts.settings.media_url)

    def routes(self) -> list[Page]:
        """Return the routes to mount."""
        return [
            Page(_CUSTOMER, self._show, Role.ADMIN),
            Page(f"{_CUSTOMER}/export", self._export, Role.ADMIN, ["POST"]),
            Page(f"{_CUSTOMER}/erase", self._erase, Role.ADMIN, ["POST"]),
            Page(REQUESTS, self._list, Role.ADMIN),
            Page(f"{_ONE}/refuse", self._refuse, Role.ADMIN, ["POST"]),
            Page(f"{_ONE}/file", self._file, Role.ADMIN),
        ]

    async def _show(self, request: Request) -> Response:
        return await self._page(request, sure="erase" in request.query_params)

    async def _page(self, request: Request, *, sure: bool = False, status: int = 200, problem: str = "") -> Response:
        contact_id = _id(request)
        async with self._pool.connection() as conn:
            customer, requests = (
                await customers.find(conn, contact_id),
                await data_requests.of_contact(conn, contact_id),
            )
        if customer is None and not requests:
            raise RefusedError(404, "errors.404")
        return render(
            request, "admin/personal_data.html", status, customer=customer, requests=requests, sure=sure,
            typed=_name(customer), problem=problem, contact_id=contact_id, missed=missed.lines,
        )  # fmt: skip

    async def _export(self, request: Request) -> Response:
        async with self._pool.connection() as conn, conn.transaction():
            await _known(conn, _id(request))
            asked = await data_requests.ask(conn, "export", _id(request), "person", person_id=person_of(request).id)
            await audit.write(conn, person_of(request), "customer_export", *_about(asked))
        return _back(request)

    async def _erase(self, request: Request) -> Response:
        """Ask for the erasure, if the customer's name or number was typed as it is shown."""
        form = await request.form()
        async with self._pool.connection() as conn, conn.transaction():
            customer = await _known(conn, _id(request))
            if " ".join(str(form.get("typed", "")).split()).casefold() != _name(customer).casefold():
                return await self._page(request, sure=True, status=422, problem="admin.data.erase_wrong")
            asked = await data_requests.ask(conn, "erase", _id(request), "person", person_id=person_of(request).id)
            await audit.write(conn, person_of(request), "customer_erase", *_about(asked))
        return _back(request)

    async def _list(self, request: Request) -> Response:
        return await self._requests(request)

    async def _requests(self, request: Request, *, status: int = 200, problem: str = "") -> Response:
        async with self._pool.connection() as conn:
            requests = await data_requests.unsettled(conn, _MOST)
        return render(request, "admin/data_requests.html", status, requests=requests, problem=problem)

    async def _refuse(self, request: Request) -> Response:
        """Refuse what a customer asked for, and send them the reason as a message of the person's."""
        reason = str((await request.form()).get("reason", "")).strip()
        if not 0 < len(reason) <= _LONGEST_REASON:
            return await self._requests(request, status=422, problem="admin.data.refuse_why")
        async with self._pool.connection() as conn, conn.transaction():
            found = await self._request(conn, request)
            if await data_requests.refuse(conn, found.id, person_of(request).id):
                await self._tell(conn, found, reason, person_of(request))
                await audit.write(conn, person_of(request), "customer_refused", *_about(found))
        return RedirectResponse(REQUESTS, 303)

    async def _tell(self, conn: Connection, refused: DataRequest, reason: str, by: Person) -> None:
        if refused.contact_id and (last := await conversations.last_written(conn, refused.contact_id)):
            await queue.queue_of_person(conn, last.conversation_id, {"type": "text", "text": reason}, by.id)

    async def _file(self, request: Request) -> Response:
        """Return the file of an export, which is written into the audit."""
        async with self._pool.connection() as conn:
            found = await self._request(conn, request)
            if found.path is None:
                raise RefusedError(410, "conversation.media.gone")
            await audit.write(conn, person_of(request), "customer_downloaded", *_about(found))
        try:
            got = await obstore.get_async(self._objects, found.path)
        except FileNotFoundError:
            raise RefusedError(410, "conversation.media.gone") from None
        except (BaseError, OSError) as error:
            log.warning("object_store_away", error=type(error).__name__)
            raise RefusedError(503, "conversation.media.away") from None
        headers = {
            "Content-Disposition": 'attachment; filename="dados.zip"', "Content-Length": str(got.meta["size"]),
            "Cache-Control": "no-store",
        }  # fmt: skip
        return StreamingResponse(got.stream(), media_type="application/zip", headers=headers)

    async def _request(self, conn: Connection, request: Request) -> DataRequest:
        found = await data_requests.find(conn, _id(request))
        if found is None:
            raise RefusedError(404, "errors.404")
        return found


async def _known(conn: Connection, contact_id: UUID) -> customers.Customer:
    customer = await customers.find(conn, contact_id)
    if customer is None:
        raise RefusedError(404, "errors.404")
    return customer


def _name(customer: customers.Customer | None) -> str:
    """Return what has to be typed before an erasure: the customer's number, else their name."""
    if customer is None:
        return ""
    number = next((key["value"] for key in customer.numbers), None)
    return str(number or " ".join((customer.name or str(customer.id)).split()))


def _about(request: DataRequest) -> tuple[str, dict[str, str]]:
    return f"contact:{request.contact_id}", {"request": str(request.id)}


def _id(request: Request) -> UUID:
    return UUID(str(request.path_params["id"]))


def _back(request: Request) -> Response:
    return RedirectResponse(f"/console/customers/{_id(request)}/data", 303)
