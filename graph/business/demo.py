"""The tables and the demo's rows in Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.business.postgres import add_customer, find_customer
from graph.contract.context import CustomerKey
from graph.server.postgres import connection_settings

TABLES = Path(__file__).with_name("schema.sql")

DEMO_KEY = CustomerKey(kind="wa_id", value="5511987654321")
DEMO_NAME = "Maria Souza"
ADDRESS = "Rua das Flores, 100, São Paulo - SP, 01001-000"
DEMO_ORDERS = (
    ("12345", "Em separação", date(2025, 1, 20), "open"),
    ("67890", "Enviado - Código rastreio: BR123456789", date(2025, 1, 16), "shipped"),
    ("11111", "Entregue em 15/01/2025", date(2025, 1, 8), "delivered"),
)
DEMO_PRODUCTS = (
    ("LC-ASTIG", "Lente de contato tórica mensal", "Para astigmatismo, caixa com 6 unidades", "289.90", 40),
    (
        "LC-DIA",
        "Lente de contato diária",
        "Descarte diário, hidrogel de silicone, caixa com 30 unidades",
        "199.90",
        120,
    ),
    ("LC-COR", "Lente de contato colorida", "Mel, verde ou cinza, com ou sem grau, par", "149.90", 25),
    ("OC-SOL", "Óculos de sol Lisboa", "Lentes polarizadas com proteção UV400, armação preta", "349.00", 12),
    ("AR-TIT", "Armação de titânio Leve", "Armação de grau, 12 gramas, azul ou grafite", "459.00", 0),
    ("SOL-360", "Solução multiuso 360 ml", "Limpa e conserva lentes de contato gelatinosas", "59.90", 200),
)
DEMO_ITEMS = (
    ("12345", 1, "LC-ASTIG", "Lente de contato tórica mensal", 2, "289.90"),
    ("12345", 2, "SOL-360", "Solução multiuso 360 ml", 1, "59.90"),
    ("67890", 1, "OC-SOL", "Óculos de sol Lisboa", 1, "349.00"),
    ("11111", 1, "LC-DIA", "Lente de contato diária", 1, "199.90"),
)
ADD_ORDER = """INSERT INTO business.orders (id, status, ordered_on, stage, customer_id, address)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET stage = excluded.stage
    WHERE orders.status = excluded.status"""  # an older version of the table knew no stage
ADD_PRODUCT = """INSERT INTO business.products (id, name, description, price, stock)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
ADD_ITEM = "INSERT INTO business.order_items VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"


async def create_tables(address: str) -> None:
    """Create missing tables. Safe to repeat, also in parallel."""
    async with _created(address):
        pass


async def create(address: str) -> None:
    """Create missing tables and rows of the demo. Safe to repeat, also in parallel."""
    async with _created(address) as connection:
        await _add_rows(connection, await _demo_customer(connection))


@asynccontextmanager
async def _created(address: str) -> AsyncIterator[AsyncConnection[DictRow]]:
    """Open a transaction in which the tables exist."""
    tables = TABLES.read_bytes()
    async with (
        await AsyncConnection.connect(address, **connection_settings()) as connection,
        connection.transaction(),
    ):
        # IF NOT EXISTS alone fails when two transactions do it at once.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('graph.business', 0))")
        await connection.execute(tables)
        yield connection


async def _add_rows(connection: AsyncConnection[DictRow], customer_id: int) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(ADD_ORDER, [(*order, customer_id, ADDRESS) for order in DEMO_ORDERS])
        await cursor.executemany(ADD_PRODUCT, DEMO_PRODUCTS)
        await cursor.executemany(ADD_ITEM, DEMO_ITEMS)


async def _demo_customer(connection: AsyncConnection[DictRow]) -> int:
    found = await find_customer(connection, [DEMO_KEY])
    return await add_customer(connection, DEMO_NAME, [DEMO_KEY]) if found is None else found
