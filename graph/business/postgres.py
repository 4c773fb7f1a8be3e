"""Business data in Postgres, schema `business` (`schema.sql`)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.business.data import (
    POSTCODE_DIGITS,
    Erased,
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
# The update changes nothing: it makes the statement return the existing row.
OPEN_TICKET = """INSERT INTO business.tickets (customer_id, subject, description, priority, idempotency_key)
    VALUES (%(customer_id)s, %(subject)s, %(description)s, %(priority)s, %(idempotency_key)s)
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key RETURNING *"""
# Any of the words may match, in any of their forms; products that match more and rarer words come first.
PRODUCTS = """SELECT id, name, description, price, stock > 0 AS in_stock, image_url
    FROM business.products, websearch_to_tsquery('portuguese', %(words)s) AS wanted
    WHERE search @@ wanted ORDER BY ts_rank(search, wanted) DESC, stock > 0 DESC, name LIMIT %(limit)s"""


# Everything about a customer as JSON; their keys too, and those of people who proved to be that customer.
RECORDS = f"""WITH own AS ({CUSTOMERS}) SELECT jsonb_build_object(
    'customers', (SELECT jsonb_agg(to_jsonb(c)) FROM business.customers c WHERE id IN (SELECT * FROM own)),
    'keys', (SELECT jsonb_agg(to_jsonb(k)) FROM (
        SELECT kind, value FROM business.customer_keys WHERE customer_id IN (SELECT * FROM own)
        UNION SELECT kind, value FROM business.proven_keys WHERE customer_id IN (SELECT * FROM own)) k),
    'orders', (SELECT jsonb_agg(to_jsonb(o) || jsonb_build_object('items', (
            SELECT jsonb_agg(to_jsonb(i) ORDER BY i.position) FROM business.order_items i WHERE i.order_id = o.id))
        ORDER BY o.ordered_on) FROM business.orders o WHERE customer_id IN (SELECT * FROM own)),
    'tickets', (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.id) FROM business.tickets t
        WHERE customer_id IN (SELECT * FROM own))) AS records"""  # noqa: S608 - constants


class PostgresBusiness:
    """The protocol `Business` over SQL. All methods raise psycopg.OperationalError while Postgres is unavailable."""

    def __init__(self, address: str) -> None:
        self._pool = LoopPool(address, POOL_SIZE, "business")

    async def orders(self, keys: Sequence[CustomerKey]) -> list[Order]:
        """Return the customer's orders, newest first."""
        rows = await self._rows(f"{ORDERS} ORDER BY ordered_on DESC, id", _arrays(keys))
        return [Order.model_validate(row) for row in rows]

    @persistent
    async def order(self, keys: Sequence[CustomerKey], order_id: str) -> Order | None:
        """Return one order of the customer; None if it does not exist or belongs to another customer."""
        pool = await self._pool.get()
        async with pool.connection() as connection:
            return await _order(connection, keys, order_id)

    async def cancel_order(self, keys: Sequence[CustomerKey], order_id: str, idempotency_key: str) -> Order:
        """Cancel an order that is still open. Raises RefusedError for any other."""
        change = "UPDATE business.orders SET stage = 'cancelled', status = 'Cancelado' WHERE id = %(id)s"
        return await self._change_order(keys, order_id, change, {}, idempotency_key)

    async def change_address(
        self, keys: Sequence[CustomerKey], order_id: str, address: str, idempotency_key: str
    ) -> Order:
        """Deliver an order that is still open to another address. Raises RefusedError for any other."""
        change = "UPDATE business.orders SET address = %(address)s WHERE id = %(id)s"
        return await self._change_order(keys, order_id, change, {"address": address}, idempotency_key)

    async def products(self, words: str, limit: int) -> list[Product]:
        """Return the products that match the words best."""
        either = " or ".join(words.replace('"', " ").replace("-", " ").split())
        rows = await self._rows(PRODUCTS, {"words": either, "limit": limit})
        return [Product.model_validate(row) for row in rows]

    async def tickets(self, keys: Sequence[CustomerKey]) -> list[Ticket]:
        """Return the customer's tickets, newest first."""
        rows = await self._rows(f"{TICKETS} ORDER BY id DESC LIMIT 20", _arrays(keys))
        return [Ticket.model_validate(row) for row in rows]

    async def ticket(self, keys: Sequence[CustomerKey], ticket_id: int) -> Ticket | None:
        """Return one ticket of the customer; None if it does not exist or belongs to another customer."""
        rows = await self._rows(f"{TICKETS} AND id = %(id)s", _arrays(keys) | {"id": ticket_id})
        return Ticket.model_validate(rows[0]) if rows else None

    @persistent  # may be asked again: the key makes it happen once
    async def open_ticket(self, keys: Sequence[CustomerKey], request: TicketRequest, idempotency_key: str) -> Ticket:
        """Open a ticket, or return the one opened under this key before. Raises NoCustomerError without keys."""
        if not wire_keys(keys):
            raise NoCustomerError
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            customer_id = await find_or_add_customer(connection, keys)
            values = request.model_dump() | {"customer_id": customer_id, "idempotency_key": idempotency_key}
            row = await (await connection.execute(OPEN_TICKET, values)).fetchone()
        return Ticket.model_validate(row)

    @persistent  # a repeated proof has the same result
    async def verify(self, keys: Sequence[CustomerKey], order_id: str, postcode: str) -> bool:
        """Return whether an order is delivered to a postcode; then the lasting keys lead to its customer."""
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            asked = await connection.execute(
                "SELECT customer_id, address FROM business.orders WHERE id = %s", [order_id]
            )
            row = await asked.fetchone()
            # Compared also if there is no such order or postcode, so that the time it takes reveals nothing.
            there = postcode_of(row["address"] if row else None) or "-" * POSTCODE_DIGITS
            if not hmac.compare_digest(there, postcode_of(postcode)) or row is None:
                return False
            lasting = [key for key in keys if key.kind in LASTING]
            await connection.execute(PROVE, _arrays(lasting) | {"customer_id": row["customer_id"]})
        return True

    async def records(self, keys: Sequence[CustomerKey]) -> dict[str, Any]:
        """Return everything that is stored about the customer."""
        rows = await self._rows(RECORDS, _arrays(keys))
        return {name: found for name, found in rows[0]["records"].items() if found}

    @persistent  # a repeated erasure finds nothing
    async def erase(self, keys: Sequence[CustomerKey], idempotency_key: str) -> Erased:
        """Erase the customer with keys, orders and tickets."""
        erased = {}
        pool = await self._pool.get()
        async with pool.connection() as connection, connection.transaction():
            for table, whose in (("orders", OWN), ("tickets", OWN), ("customers", f"id IN ({CUSTOMERS})")):
                gone = await connection.execute(f"DELETE FROM business.{table} WHERE {whose}", _arrays(keys))  # noqa: S608 - constants
                erased[table] = gone.rowcount
        return Erased(erased={table: count for table, count in erased.items() if count})

    async def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        await self._pool.close()

    @persistent
    async def _change_order(
        self, keys: Sequence[CustomerKey], order_id: str, change: str, values: dict[str, Any], idempotency_key: str
    ) -> Order:
        """Change an open order, unless its idempotency key shows that the change was made before."""
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
    """Return whether the idempotency key is new, and record it in this transaction."""
    done = await connection.execute(
        "INSERT INTO business.effects VALUES (%s) ON CONFLICT DO NOTHING", [idempotency_key]
    )
    return done.rowcount == 1


def _arrays(keys: Sequence[CustomerKey]) -> dict[str, Any]:
    pairs = wire_keys(keys)
    return {"kinds": [kind for kind, _ in pairs], "values": [value for _, value in pairs]}


async def find_customer(connection: AsyncConnection[DictRow], keys: Sequence[CustomerKey]) -> int | None:
    """Return the id of the customer's row, if there is one."""
    found = await (await connection.execute(f"{CUSTOMERS} ORDER BY 1 LIMIT 1", _arrays(keys))).fetchone()
    return int(found["customer_id"]) if found else None


async def find_or_add_customer(connection: AsyncConnection[DictRow], keys: Sequence[CustomerKey]) -> int:
    """Return the id of the customer's row, a new one if there was none. Call it in a transaction."""
    # A lock for each customer, because two conversations could add them at once.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [wire_keys(keys)[0][1]])
    found = await find_customer(connection, keys)
    return await add_customer(connection, None, keys) if found is None else found


async def add_customer(connection: AsyncConnection[DictRow], name: str | None, keys: Sequence[CustomerKey]) -> int:
    """Add a customer with these keys and return the id of the row."""
    added = await connection.execute("INSERT INTO business.customers (name) VALUES (%s) RETURNING id", [name])
    row = await added.fetchone()
    assert row is not None  # noqa: S101 - RETURNING
    async with connection.cursor() as cursor:
        rows = [(kind, value, row["id"]) for kind, value in wire_keys(keys)]
        await cursor.executemany("INSERT INTO business.customer_keys VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", rows)
    return int(row["id"])
