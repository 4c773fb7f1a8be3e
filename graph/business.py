"""Orders and support tickets in Postgres, schema ``business``. ``python -m graph.business`` creates it for the demo.

Every question carries the customer's keys from the run's context: nothing here finds a customer by what was said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from pydantic import BaseModel

from graph.context import CustomerKey
from graph.postgres import LoopPool, connection_settings, persistent
from graph.settings import settings

Priority = Literal["low", "normal", "high", "urgent"]

POOL_SIZE = 10
TABLES = Path(__file__).with_name("business.sql")

DEMO_KEY = CustomerKey(kind="wa_id", value="5511987654321")
DEMO_NAME = "Maria Souza"
DEMO_ORDERS = (
    ("12345", "Em separação", date(2025, 1, 20)),
    ("67890", "Enviado - Código rastreio: BR123456789", date(2025, 1, 16)),
    ("11111", "Entregue em 15/01/2025", date(2025, 1, 8)),
)

FIND_CUSTOMERS = """SELECT customer_id FROM business.customer_keys
    WHERE (kind, value) IN (SELECT * FROM unnest(%(kinds)s::text[], %(values)s::text[]))"""
FIND_ORDERS = f"SELECT id, status, ordered_on FROM business.orders WHERE customer_id IN ({FIND_CUSTOMERS})"  # noqa: S608 - constants
FIND_TICKETS = f"SELECT * FROM business.tickets WHERE customer_id IN ({FIND_CUSTOMERS})"  # noqa: S608 - constants
# The update changes nothing: it makes the statement give the row that is there already.
OPEN_TICKET = """INSERT INTO business.tickets (customer_id, subject, description, priority, idempotency_key)
    VALUES (%(customer_id)s, %(subject)s, %(description)s, %(priority)s, %(idempotency_key)s)
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key RETURNING *"""


class NoCustomerError(Exception):
    """The run names no customer, so that nothing can be done for one."""


class Order(BaseModel):
    """An order of the customer."""

    id: str
    status: str
    ordered_on: date


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


class Business:
    """The company's data about one customer at a time. All raise psycopg.OperationalError while Postgres is away."""

    def __init__(self, address: str) -> None:
        self._pool = LoopPool(address, POOL_SIZE, "business")

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        """The customer's orders, newest first."""
        rows = await self._rows(f"{FIND_ORDERS} ORDER BY ordered_on DESC, id", _arrays(keys))
        return [Order.model_validate(row) for row in rows]

    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        """One order of the customer; None where it does not exist or is somebody else's."""
        rows = await self._rows(f"{FIND_ORDERS} AND id = %(id)s", _arrays(keys) | {"id": order_id})
        return Order.model_validate(rows[0]) if rows else None

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        """One ticket of the customer; None where it does not exist or is somebody else's."""
        rows = await self._rows(f"{FIND_TICKETS} AND id = %(id)s", _arrays(keys) | {"id": ticket_id})
        return Ticket.model_validate(rows[0]) if rows else None

    @persistent  # may be asked again: the key makes it happen once
    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        """Open a ticket, or give the one that was opened under this key before. NoCustomerError without keys."""
        if not keys:
            raise NoCustomerError
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            customer_id = await _find_or_add_customer(connection, keys)
            values = request.model_dump() | {"customer_id": customer_id, "idempotency_key": idempotency_key}
            row = await (await connection.execute(OPEN_TICKET, values)).fetchone()
        return Ticket.model_validate(row)

    async def close(self) -> None:
        """Give the connections back; the next question opens new ones."""
        await self._pool.close()

    @persistent
    async def _rows(self, statement: str, values: dict[str, Any]) -> list[DictRow]:
        pool = await self._pool.get()
        async with pool.connection() as connection:
            return await (await connection.execute(statement, values)).fetchall()


@lru_cache
def business() -> Business:
    """The business data of this process."""
    return Business(settings().business_database)


def _arrays(keys: Sequence[CustomerKey]) -> dict[str, Any]:
    """The keys as two arrays. A key that the customer had before (``old_…``) still finds what was stored under it."""
    return {"kinds": [key.kind.removeprefix("old_") for key in keys], "values": [key.value for key in keys]}


async def _find_or_add_customer(connection: AsyncConnection[DictRow], keys: Sequence[CustomerKey]) -> int:
    """The customer's row, a new one where nobody knew them. Call it in a transaction."""
    # One at a time for a customer, else two conversations could both add them.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [keys[0].value])
    found = await (await connection.execute(f"{FIND_CUSTOMERS} LIMIT 1", _arrays(keys))).fetchone()
    return found["customer_id"] if found else await _add_customer(connection, None, keys)


async def _add_customer(connection: AsyncConnection[DictRow], name: str | None, keys: Sequence[CustomerKey]) -> int:
    added = await connection.execute("INSERT INTO business.customers (name) VALUES (%s) RETURNING id", [name])
    row = await added.fetchone()
    assert row is not None  # noqa: S101 - RETURNING
    async with connection.cursor() as cursor:
        rows = [(key.kind.removeprefix("old_"), key.value, row["id"]) for key in keys]
        await cursor.executemany("INSERT INTO business.customer_keys VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", rows)
    return int(row["id"])


async def create(address: str) -> None:
    """Create the tables and the demo's rows where they are missing. Safe to repeat, also at the same time."""
    tables = TABLES.read_bytes()
    async with (
        await AsyncConnection.connect(address, **connection_settings()) as connection,
        connection.transaction(),
    ):
        # IF NOT EXISTS alone fails when two do it at once.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('graph.business', 0))")
        await connection.execute(tables)
        customer_id = await _demo_customer(connection)
        async with connection.cursor() as cursor:
            rows = [(order, customer_id, status, day) for order, status, day in DEMO_ORDERS]
            await cursor.executemany("INSERT INTO business.orders VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", rows)


async def _demo_customer(connection: AsyncConnection[DictRow]) -> int:
    found = await (await connection.execute(FIND_CUSTOMERS, _arrays([DEMO_KEY]))).fetchone()
    return found["customer_id"] if found else await _add_customer(connection, DEMO_NAME, [DEMO_KEY])


def main() -> None:
    """Create tables and demo rows in BUSINESS_DATABASE_URL."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(create(settings().business_database))
    logging.getLogger(__name__).info("Business tables and demo orders are in place (schema business).")


if __name__ == "__main__":
    main()
