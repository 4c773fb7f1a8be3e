"""Items made durable in batches: a bad item, and processes that conflict."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from gateway.inbox.writer import Inbox, NotDurableError
from gateway.runtime.loops import background
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.store.inbox.events import Row
from gateway.whatsapp.webhooks.items import Item
from tests.gateway.support.faults import poison


@pytest.fixture
async def inbox(pool: Pool) -> AsyncIterator[Inbox]:
    inbox = Inbox(pool)
    async with background(inbox.run()):
        yield inbox


def item(key: str) -> Row:
    return events.row(Item(key, "messages", "text", "1", None, {}))


async def kept(pool: Pool) -> list[str]:
    async with pool.connection() as conn:
        return [row[0] for row in await (await conn.execute("SELECT key FROM event ORDER BY id")).fetchall()]


async def test_a_webhook_that_cannot_be_written_fails_alone(pool: Pool, inbox: Inbox) -> None:
    await poison(pool, "event", "NEW.key = 'poison'")
    outcomes = await asyncio.gather(
        *(inbox.keep([item(key), item(f"{key}2")]) for key in ("a", "poison", "b")), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [type(None), NotDurableError, type(None)]
    assert await kept(pool) == ["a", "a2", "b", "b2"]


async def test_processes_that_deadlock_on_the_same_items_succeed(pool: Pool, inbox: Inbox, database: str) -> None:
    """The other process locks an item and waits for one that this process has locked: this one aborts four times."""
    for n in range(1, 5):
        first, second = item(f"{n}a"), item(f"{n}b")
        async with await psycopg.AsyncConnection.connect(database) as other:
            await other.execute("SET deadlock_timeout = '60 s'")  # the one that detects it is aborted
            await events.keep(other, [first])
            mine = asyncio.create_task(inbox.keep([second, first]))
            await asyncio.sleep(0.2)
            await events.keep(other, [second])
            await other.commit()
        await mine
    assert sorted(await kept(pool)) == sorted(f"{n}{end}" for n in range(1, 5) for end in "ab")
