"""The company's data and the protocol by which the agent asks for it; no I/O.

Every question about a customer carries the customer's keys from the run's context: no call finds a customer by the
words of a message. Every change carries an idempotency key, under which it happens once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from graph.contract.context import CustomerKey

# The kinds of keys that other systems know: the current number and user id, and the gateway's own id of the person.
ASKED_BY = frozenset({"wa_id", "user_id", "customer_id"})
POSTCODE_DIGITS = 8
_POSTCODE = re.compile(r"(?<!\d)(\d{5})-?(\d{3})(?!\d)")

Priority = Literal["low", "normal", "high", "urgent"]
# The stage of an order decides which changes are allowed, not the words of `status`.
Stage = Literal["open", "shipped", "delivered", "cancelled"]


class NoCustomerError(Exception):
    """The run has no customer, so nothing can be done for one."""


class NoProofError(Exception):
    """The company cannot check whether somebody is the customer of an order: a person has to."""


class NoSuchCallError(Exception):
    """The company's API has no such call: a person has to see to it there."""


class RefusedError(Exception):
    """The company's rules do not allow a change; the text is a fact for the model, in Portuguese."""


class Item(BaseModel):
    """One line of an order; `price` is the price of one piece, in BRL."""

    name: str
    quantity: int
    price: Decimal


class Order(BaseModel):
    """An order of the customer."""

    id: str
    status: str
    ordered_on: date
    stage: Stage = "open"
    address: str | None = None
    items: list[Item] = []


class Product(BaseModel):
    """A product for sale; `price` in BRL."""

    id: str
    name: str
    description: str = ""
    price: Decimal
    in_stock: bool = True
    image_url: str | None = None


class TicketRequest(BaseModel):
    """The contents of a support ticket to be opened."""

    subject: str
    description: str
    priority: Priority


class Ticket(TicketRequest):
    """A support ticket; `id` is its number for the customer."""

    id: int
    status: str
    created_at: datetime


class Erased(BaseModel):
    """The company's answer to an erasure.

    `erased`: how many of which things; `kept`: things that it has to keep, each with the reason, in Portuguese.
    """

    erased: dict[str, int] = {}
    kept: list[str] = []


class Business(Protocol):
    """The company's data about one customer at a time.

    All methods raise psycopg.Error or httpx.HTTPError if the data is unavailable; changes raise NoCustomerError without
    keys and RefusedError if the company's rules do not allow them.
    """

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        """Return the customer's orders, newest first, without their items."""

    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        """Return one order of the customer with its items; None if it does not exist or belongs to another customer."""

    async def cancel_order(self, keys: Sequence[CustomerKey], order_id: str, idempotency_key: str) -> Order:
        """Cancel an order that is still open."""

    async def change_address(
        self, keys: Sequence[CustomerKey], order_id: str, address: str, idempotency_key: str
    ) -> Order:
        """Deliver an order that is still open to another address."""

    async def products(self, words: str, limit: int) -> list[Product]:
        """Return at most `limit` products that match the words, the best first."""

    async def tickets(self, keys: Sequence[CustomerKey]) -> list[Ticket]:
        """Return the customer's tickets, newest first."""

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        """Return one ticket of the customer; None if it does not exist or belongs to another customer."""

    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        """Open a ticket, or return the one that was opened under this key before."""

    async def verify(self, keys: Sequence[CustomerKey], order_id: str, postcode: str) -> bool:
        """Return whether an order is delivered to a postcode; it takes the same time if there is no such order.

        If so, the lasting ones among the keys (`user_id`, `customer_id`) lead to its customer from now on. Raises
        NoProofError if the company cannot check it.
        """

    async def records(self, keys: Sequence[CustomerKey]) -> dict[str, Any]:
        """Return everything that is stored about the customer, as JSON. Raises NoSuchCallError."""

    async def erase(self, keys: Sequence[CustomerKey], idempotency_key: str) -> Erased:
        """Erase everything about the customer. Raises NoSuchCallError."""

    async def close(self) -> None:
        """Close connections; the next question opens new ones."""


def wire_keys(keys: Sequence[CustomerKey]) -> list[tuple[str, str]]:
    """Return the current keys, as the data knows them. Old keys may be another person's, parent keys are shared."""
    return [(key.kind, key.value) for key in keys if key.kind in ASKED_BY and key.until is None]


def postcode_of(text: str | None) -> str:
    """Return the eight digits of the last Brazilian postcode (CEP) in a text; empty if there is none."""
    found = _POSTCODE.findall(text or "")
    return "".join(found[-1]) if found else ""
