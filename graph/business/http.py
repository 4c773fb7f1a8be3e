"""Business data behind an HTTP API of the company's own (`openapi.yaml`), at BUSINESS_API_URL.

Numbers and user ids are sent in bodies, never in addresses, which appear in logs. Every call may be repeated:
questions change nothing, and changes carry an `Idempotency-Key`.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

import httpx
import stamina
from pydantic import BaseModel, StrictBool, TypeAdapter

import graph.retries  # noqa: F401 - says how a retry is logged
from graph.business.data import (
    Erased,
    NoCustomerError,
    NoProofError,
    NoSuchCallError,
    Order,
    Product,
    RefusedError,
    Ticket,
    TicketRequest,
    wire_keys,
)
from graph.contract.context import LASTING, CustomerKey

TIMEOUT_SECONDS = 8
ATTEMPTS = 3
REFUSED = 409
NO_SUCH_CALL = (404, 405, 501)
# Made once: reading the certificates takes longer than the request.
TLS = ssl.create_default_context()

ORDERS: TypeAdapter[list[Order]] = TypeAdapter(list[Order])
PRODUCTS: TypeAdapter[list[Product]] = TypeAdapter(list[Product])
TICKETS: TypeAdapter[list[Ticket]] = TypeAdapter(list[Ticket])
RECORDS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class _Refusal(BaseModel):
    reason: str


class _Verdict(BaseModel):
    verified: StrictBool


def _passes(error: Exception) -> bool:
    """Return whether another attempt may succeed."""
    if isinstance(error, httpx.HTTPStatusError):
        if error.response.status_code == httpx.codes.NOT_IMPLEMENTED:
            return False
        return error.response.status_code == httpx.codes.TOO_MANY_REQUESTS or error.response.is_server_error
    return isinstance(error, httpx.TransportError)


class HttpBusiness:
    """The protocol `Business` over HTTP; `transport`: a stand-in for the network, for tests.

    Raises httpx.HTTPError after its retries, and pydantic.ValidationError for an answer outside of the contract.
    """

    def __init__(self, url: str, token: str | None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._transport = transport

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        """Return the customer's orders, newest first."""
        return ORDERS.validate_json(await self._ask("/orders/list", keys))

    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        """Return one order of the customer; None if it does not exist or belongs to another customer."""
        found = await self._find("/orders/get", keys, {"order_id": order_id})
        return Order.model_validate_json(found) if found else None

    async def cancel_order(self, keys: Sequence[CustomerKey], order_id: str, idempotency_key: str) -> Order:
        """Cancel an order. Raises RefusedError if the company does not allow it."""
        return Order.model_validate_json(
            await self._change("/orders/cancel", keys, {"order_id": order_id}, idempotency_key)
        )

    async def change_address(
        self, keys: Sequence[CustomerKey], order_id: str, address: str, idempotency_key: str
    ) -> Order:
        """Deliver an order to another address. Raises RefusedError if the company does not allow it."""
        body = {"order_id": order_id, "address": address}
        return Order.model_validate_json(await self._change("/orders/address", keys, body, idempotency_key))

    async def products(self, words: str, limit: int) -> list[Product]:
        """Return the products that match the words best."""
        return PRODUCTS.validate_json(await self._post("/products/search", {"words": words, "limit": limit}))

    async def tickets(self, keys: Sequence[CustomerKey]) -> list[Ticket]:
        """Return the customer's tickets, newest first."""
        return TICKETS.validate_json(await self._ask("/tickets/list", keys))

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        """Return one ticket of the customer; None if it does not exist or belongs to another customer."""
        found = await self._find("/tickets/get", keys, {"ticket_id": ticket_id})
        return Ticket.model_validate_json(found) if found else None

    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        """Open a ticket, or return the one that was opened under this key before."""
        opened = await self._change("/tickets/open", keys, request.model_dump(), idempotency_key)
        return Ticket.model_validate_json(opened)

    async def verify(self, keys: Sequence[CustomerKey], order_id: str, postcode: str) -> bool:
        """Return whether an order is delivered to a postcode. Raises NoProofError if the company has no such call."""
        lasting = [key for key in keys if key.kind in LASTING]
        body = {"order_id": order_id, "postcode": postcode}
        try:
            answer = await self._post("/customers/verify", _customer(lasting) | body)
        except httpx.HTTPStatusError as error:
            if error.response.status_code in NO_SUCH_CALL:
                raise NoProofError from error
            raise
        return _Verdict.model_validate_json(answer).verified

    async def records(self, keys: Sequence[CustomerKey]) -> dict[str, Any]:
        """Return everything that the company stores about the customer. Raises NoSuchCallError."""
        if not wire_keys(keys):
            return {}
        return RECORDS.validate_json(await self._about("/customers/export", keys, {}))

    async def erase(self, keys: Sequence[CustomerKey], idempotency_key: str) -> Erased:
        """Have the company erase everything about the customer. Raises NoSuchCallError."""
        if not wire_keys(keys):
            return Erased()
        return Erased.model_validate_json(
            await self._about("/customers/erase", keys, {"idempotency-key": idempotency_key})
        )

    async def close(self) -> None:
        """Do nothing: no connection is kept between two questions."""

    async def _ask(self, path: str, keys: Sequence[CustomerKey]) -> bytes:
        # Without a key there is no customer to ask for; an API might take an empty list for "all".
        return await self._post(path, _customer(keys)) if wire_keys(keys) else b"[]"

    async def _about(self, path: str, keys: Sequence[CustomerKey], headers: dict[str, str]) -> bytes:
        try:
            return await self._post(path, _customer(keys), headers)
        except httpx.HTTPStatusError as error:
            if error.response.status_code in NO_SUCH_CALL:
                raise NoSuchCallError from error
            raise

    async def _find(self, path: str, keys: Sequence[CustomerKey], body: dict[str, Any]) -> bytes | None:
        try:
            return await self._post(path, _customer(keys) | body) if wire_keys(keys) else None
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    async def _change(
        self, path: str, keys: Sequence[CustomerKey], body: dict[str, Any], idempotency_key: str
    ) -> bytes:
        if not wire_keys(keys):
            raise NoCustomerError
        try:
            return await self._post(path, _customer(keys) | body, {"idempotency-key": idempotency_key})
        except httpx.HTTPStatusError as error:
            if error.response.status_code == REFUSED:
                raise RefusedError(_Refusal.model_validate_json(error.response.content).reason) from error
            raise

    @stamina.retry(on=_passes, attempts=ATTEMPTS, timeout=20, wait_initial=0.2, wait_max=2)
    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> bytes:
        # A client for one request, so that no client outlives the event loop it was made in.
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, transport=self._transport, verify=TLS) as client:
            response = await client.post(self._url + path, json=body, headers=self._headers | (headers or {}))
            response.raise_for_status()
            return response.content


def _customer(keys: Sequence[CustomerKey]) -> dict[str, Any]:
    return {"customer": [{"kind": kind, "value": value} for kind, value in wire_keys(keys)]}
