"""Proofs of identity: three tries a day for a customer and three for an order, also at the same time."""

import asyncio
import uuid
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway.store.customers import proofs
from gateway.store.database import Pool
from tests.gateway.support.customers import by
from tests.gateway.support.deliveries import MARIA
from tests.gateway.support.harness import Gateway
from tests.gateway.support.internal import customers_client


async def contact(pool: Pool) -> uuid.UUID:
    async with pool.connection() as conn:
        row = await (await conn.execute("INSERT INTO contact DEFAULT VALUES RETURNING id")).fetchone()
        return row[0]  # type: ignore[index,no-any-return]


async def take(pool: Pool, who: uuid.UUID, order: str) -> int | None:
    async with pool.connection() as conn, conn.transaction():
        return await proofs.take(conn, who, order)


async def test_three_a_day_a_customer(pool: Pool) -> None:
    who = await contact(pool)
    assert [await take(pool, who, str(order)) for order in range(5)] == [2, 1, 0, None, None]


async def test_three_a_day_an_order_whoever_tries_and_however_it_is_written(pool: Pool) -> None:
    tried = [await take(pool, await contact(pool), order) for order in ("a1", " A-1 ", "#a.1", "Ａ１\u200b")]
    assert tried == [2, 1, 0, None]


async def test_side_by_side_there_are_no_more(pool: Pool) -> None:
    who = await contact(pool)
    tried = await asyncio.gather(*(take(pool, who, "1") for _ in range(8)))
    assert sorted(one for one in tried if one is not None) == [0, 1, 2]


async def test_a_day_later_there_are_three_again_and_the_old_ones_are_gone(pool: Pool) -> None:
    who = await contact(pool)
    for _ in range(3):
        await take(pool, who, "1")
    async with pool.connection() as conn:
        await conn.execute("UPDATE proof_try SET tried_at = tried_at - interval '25 hours'")
    assert await take(pool, who, "1") == 2
    async with pool.connection() as conn:
        await proofs.purge(conn)
        assert await (await conn.execute("SELECT count(*) FROM proof_try")).fetchone() == (1,)


async def test_tries_outlive_a_merge(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a"), by(None, "BR.1", "b"))
    for [who] in await gateway.sql("SELECT id FROM contact"):
        await take(gateway.pool, who, str(who))
    await gateway.take(by(MARIA, "BR.1", "c"))
    assert await gateway.sql("SELECT count(*) FROM proof_try") == [(2,)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"order": "12345"}, 200),
        ({"order": ""}, 400),
        ({"order": 5}, 400),
        ([], 400),
        ({"order": "1" * 65}, 400),
    ],
)
async def test_the_agent_asks_for_a_try(pool: Pool, body: Any, status: int) -> None:
    async with await customers_client(pool, await contact(pool)) as client:
        answer = await client.post("/internal/proofs", json=body)
    assert answer.status_code == status


async def test_too_many_tries_are_counted(pool: Pool) -> None:
    before = refused()
    async with await customers_client(pool, await contact(pool)) as client:
        answers = [await client.post("/internal/proofs", json={"order": "1"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].json() == {"left": 2}
    assert refused() == before + 1


def refused() -> float:
    return REGISTRY.get_sample_value("whatsapp_identity_proofs_total", {"outcome": "refused"}) or 0.0
