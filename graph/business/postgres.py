"""Business data in Postgres, schema ``business`` (``schema.sql``)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.business.data import (
    POSTCODE_DIGITS,
    NoCustomerError,
    Order,
    Product,
    RefusedError,
    Ticket,
    TicketRequest,
    postcode_of,
    wire_keys,
)
from graph.contract.context import LASTING, CustomerKey
from graph.server.postgres import LoopPool, persistent

POOL_SIZE = 10

ASKED = "(kind, value) IN (SELECT * FROM unnest(%(kinds)s::text[], %(values)s::text[]))"
CUSTOMERS = f"""SELECT customer_id FROM business.customer_keys WHERE {ASKED}
    UNION SELECT customer_id FROM business.proven_keys WHERE {ASKED}"""  # noqa: S608 - constants
PROVE = """INSERT INTO business.proven_keys (kind, value, customer_id)
    SELECT kind, value, %(customer_id)s FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS asked(kind, value)
    ON CONFLICT DO NOTHING"""
OWN = f"customer_id IN ({CUSTOMERS})"
ORDER_COLUMNS = "id, status, ordered_on, stage, address"
ORDERS = f"SELECT {ORDER_COLUMNS} FROM business.orders WHERE {OWN}"  # noqa: S608 - constants
ITEMS = "SELECT name, quantity, price FROM business.order_items WHERE order_id = %s ORDER BY position"
TICKETS = f"SELECT * FROM business.tickets WHERE {OWN}"  # noqa: S608 - constants
# The update changes nothing: it makes the statement give the row that is there already.
OPEN_TICKET = """INSERT INTO business.tickets (customer_id, subject, description, priority, idempotency_key)
    VALUES (%(customer_id)s, %(subject)s, %(description)s, %(priority)s, %(idempotency_key)s)
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key RETURNING *"""
# Any of the words may fit, in any of their forms; more and rarer ones come first.
PRODUCTS = """SELECT id, name, description, price, stock > 0 AS in_stock, image_url
    FROM business.products, websearch_to_tsquery('portuguese', %(words)s) AS wanted
    WHERE search @@ wanted ORDER BY ts_rank(search, wanted) DESC, stock > 0 DESC, name LIMIT %(limit)s"""


class PostgresBusiness:
    """The protocol ``Business`` over SQL. All raise psycopg.OperationalError while Postgres is away."""

    def __init__(self, address: str) -> None:
        self._pool = LoopPool(address, POOL_SIZE, "business")

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        """The customer's orders, newest first."""
        rows = await self._rows(f"{ORDERS} ORDER BY ordered_on DESC, id", _arrays(keys))
        return [Order.model_validate(row) for row in rows]

    @persistent
    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        """One order of the customer; None where it does not exist or is somebody else's."""
        pool = await self._pool.get()
        async with pool.connection() as connection:
            return await _order(connection, keys, order_id)

    async def cancel_order(self, keys: Sequence[CustomerKey], order_id: str, idempotency_key: str) -> Order:
        """Cancel an order that is still open. RefusedError for any other."""
        change = "UPDATE business.orders SET stage = 'cancelled', status = 'Cancelado' WHERE id = %(id)s"
        return await self._change_order(keys, order_id, change, {}, idempotency_key)

    async def change_address(
        self, keys: Sequence[CustomerKey], order_id: str, address: str, idempotency_key: str
    ) -> Order:
        """Deliver an order that is still open elsewhere. RefusedError for any other."""
        change = "UPDATE business.orders SET address = %(address)s WHERE id = %(id)s"
        return await self._change_order(keys, order_id, change, {"address": address}, idempotency_key)

    async def products(self, words: str, limit: int) -> list[Product]:
        """The products that fit the words best."""
        either = " or ".join(words.replace('"', " ").replace("-", " ").split())
        rows = await self._rows(PRODUCTS, {"words": either, "limit": limit})
        return [Product.model_validate(row) for row in rows]

    async def tickets(self, keys: Sequence[CustomerKey]) -> list[Ticket]:
        """The customer's tickets, newest first."""
        rows = await self._rows(f"{TICKETS} ORDER BY id DESC LIMIT 20", _arrays(keys))
        return [Ticket.model_validate(row) for row in rows]

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        """One ticket of the customer; None where it does not exist or is somebody else's."""
        rows = await self._rows(f"{TICKETS} AND id = %(id)s", _arrays(keys) | {"id": ticket_id})
        return Ticket.model_validate(rows[0]) if rows else None

    @persistent  # may be asked again: the key makes it happen once
    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        """Open a ticket, or give the one that was opened under this key before. NoCustomerError without keys."""
        if not wire_keys(keys):
            raise NoCustomerError
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            customer_id = await find_or_add_customer(connection, keys)
            values = request.model_dump() | {"customer_id": customer_id, "idempotency_key": idempotency_key}
            row = await (await connection.execute(OPEN_TICKET, values)).fetchone()
        return Ticket.model_validate(row)

    @persistent  # proving twice proves the same
    async def verify(self, keys: Sequence[CustomerKey], order_id: str, postcode: str) -> bool:
        """Whether an order goes to a postcode; then the lasting keys lead to its customer."""
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            asked = await connection.execute(
                "SELECT customer_id, address FROM business.orders WHERE id = %s", [order_id]
            )
            row = await asked.fetchone()
            # Compared also where there is no such order or postcode: how long it takes says nothing.
            there = postcode_of(row["address"] if row else None) or "-" * POSTCODE_DIGITS
            if not hmac.compare_digest(there, postcode_of(postcode)) or row is None:
                return False
            lasting = [key for key in keys if key.kind in LASTING]
            await connection.execute(PROVE, _arrays(lasting) | {"customer_id": row["customer_id"]})
        return True

    async def close(self) -> None:
        """Give the connections back; the next question opens new ones."""
        await self._pool.close()

    @persistent
    async def _change_order(
        self, keys: Sequence[CustomerKey], order_id: str, change: str, values: dict[str, Any], idempotency_key: str
    ) -> Order:
        """Make a change of an open order, unless its key shows that it was made before."""
        if not wire_keys(keys):
            raise NoCustomerError
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            order = await _order(connection, keys, order_id, lock=True)
            if order is None:
                raise RefusedError(f"Nenhum pedido {order_id} foi encontrado para este cliente.")
            if await _first_time(connection, idempotency_key):
                if order.stage != "open":
                    raise RefusedError(f"O pedido {order.id} não pode mais ser alterado: {order.status}.")
                await connection.execute(change, values | {"id": order.id})
                order = await _order(connection, keys, order_id)
        assert order is not None  # noqa: S101 - locked in this transaction
        return order

    @persistent
    async def _rows(self, statement: str, values: dict[str, Any]) -> list[DictRow]:
        pool = await self._pool.get()
        async with pool.connection() as connection:
            return await (await connection.execute(statement, values)).fetchall()


async def _order(
    connection: AsyncConnection[DictRow], keys: Sequence[CustomerKey], order_id: str, *, lock: bool = False
) -> Order | None:
    statement = f"{ORDERS} AND id = %(id)s{' FOR UPDATE' if lock else ''}"
    row = await (await connection.execute(statement, _arrays(keys) | {"id": order_id})).fetchone()
    if row is None:
        return None
    items = await (await connection.execute(ITEMS, [row["id"]])).fetchall()
    return Order.model_validate(row | {"items": items})


async def _first_time(connection: AsyncConnection[DictRow], idempotency_key: str) -> bool:
    """Whether nothing was done under this key yet; from now on (if the transaction holds) something was."""
    done = await connection.execute(
        "INSERT INTO business.effects VALUES (%s) ON CONFLICT DO NOTHING", [idempotency_key]
    )
    return done.rowcount == 1


def _arrays(keys: Sequence[CustomerKey]) -> dict[str, Any]:
    pairs = wire_keys(keys)
    return {"kinds": [kind for kind, _ in pairs], "values": [value for _, value in pairs]}


async def find_customer(connection: AsyncConnection[DictRow], keys: Sequence[CustomerKey]) -> int | None:
    """The id of the customer's row, if there is one."""
    found = await (await connection.execute(f"{CUSTOMERS} ORDER BY 1 LIMIT 1", _arrays(keys))).fetchone()
    return int(found["customer_id"]) if found else None


async def find_or_add_customer(connection: AsyncConnection[DictRow], keys: Sequence[CustomerKey]) -> int:
    """The customer's row, a new one where nobody knew them. Call it in a transaction."""
    # One at a time for a customer, else two conversations could both add them.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [wire_keys(keys)[0][1]])
    found = await find_customer(connection, keys)
    return await add_customer(connection, None, keys) if found is None else found


async def add_customer(connection: AsyncConnection[DictRow], name: str | None, keys: Sequence[CustomerKey]) -> int:
    """A new customer, known by these keys; the id of the row."""
    added = await connection.execute("INSERT INTO business.customers (name) VALUES (%s) RETURNING id", [name])
    row = await added.fetchone()
    assert row is not None  # noqa: S101 - RETURNING
    async with connection.cursor() as cursor:
        rows = [(kind, value, row["id"]) for kind, value in wire_keys(keys)]
        await cursor.executemany("INSERT INTO business.customer_keys VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", rows)
    return int(row["id"])
