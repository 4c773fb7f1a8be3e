"""What the company knows, and how the agent may ask for it: shapes and the protocol, no I/O.

Every question about a customer carries the customer's keys from the run's context: nothing here finds a customer by
what was said. Every change carries a key of its own, under which it happens once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from pydantic import BaseModel

from graph.contract.context import CustomerKey

# What others keep a customer under: the number and user id of now, and the gateway's own id of the person.
ASKED_BY = frozenset({"wa_id", "user_id", "customer_id"})
POSTCODE_DIGITS = 8
_POSTCODE = re.compile(r"(?<!\d)(\d{5})-?(\d{3})(?!\d)")

Priority = Literal["low", "normal", "high", "urgent"]
# How far an order has come: what may be changed depends on it, not on the words of ``status``.
Stage = Literal["open", "shipped", "delivered", "cancelled"]


class NoCustomerError(Exception):
    """The run names no customer, so that nothing can be done for one."""


class NoProofError(Exception):
    """The company has no way to tell whether somebody is the customer of an order: a person has to."""


class RefusedError(Exception):
    """The company's rules do not allow a change; the text is a fact for the model, in Portuguese."""


class Item(BaseModel):
    """One line of an order; ``price`` is that of one piece, in BRL."""

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
    """Something that is sold; ``price`` in BRL."""

    id: str
    name: str
    description: str = ""
    price: Decimal
    in_stock: bool = True
    image_url: str | None = None


class TicketRequest(BaseModel):
    """What a support ticket is to say."""

    subject: str
    description: str
    priority: Priority


class Ticket(TicketRequest):
    """A support ticket; ``id`` is the number that the customer is told."""

    id: int
    status: str
    created_at: datetime


class Business(Protocol):
    """The company's data about one customer at a time.

    All raise psycopg.Error or httpx.HTTPError where the data cannot be had; the changes raise NoCustomerError without
    keys and RefusedError where the company's rules are against it.
    """

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        """The customer's orders, newest first, without their items."""

    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        """One order of the customer with its items; None where it does not exist or is somebody else's."""

    async def cancel_order(self, keys: Sequence[CustomerKey], order_id: str, idempotency_key: str) -> Order:
        """Cancel an order that is still open."""

    async def change_address(
        self, keys: Sequence[CustomerKey], order_id: str, address: str, idempotency_key: str
    ) -> Order:
        """Deliver an order that is still open to another address."""

    async def products(self, words: str, limit: int) -> list[Product]:
        """At most ``limit`` products that fit the words, the best first."""

    async def tickets(self, keys: Sequence[CustomerKey]) -> list[Ticket]:
        """The customer's tickets, newest first."""

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        """One ticket of the customer; None where it does not exist or is somebody else's."""

    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        """Open a ticket, or give the one that was opened under this key before."""

    async def verify(self, keys: Sequence[CustomerKey], order_id: str, postcode: str) -> bool:
        """Whether an order is (to be) delivered to a postcode; it takes as long where there is no such order.

        Where it is, the lasting ones among the keys (``user_id``, ``customer_id``) lead to its customer from now on.
        NoProofError where the company cannot tell.
        """

    async def close(self) -> None:
        """Give connections back; the next question opens new ones."""


def wire_keys(keys: Sequence[CustomerKey]) -> list[tuple[str, str]]:
    """The keys as the data knows them: only those of now. Old ones are somebody else's, parent ones are shared."""
    return [(key.kind, key.value) for key in keys if key.kind in ASKED_BY and key.until is None]


def postcode_of(text: str | None) -> str:
    """The eight digits of the Brazilian postcode (CEP) in a text, the last one if there are several; empty: none."""
    found = _POSTCODE.findall(text or "")
    return "".join(found[-1]) if found else ""
