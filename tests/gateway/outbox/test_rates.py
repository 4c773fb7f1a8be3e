"""Meta's rates with several workers: two senders on one Valkey, and a Valkey that is killed in the middle."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.numbers.channels import Channel, Channels
from gateway.outbox.rate_limits import PAIR_BURST, PAIR_SECONDS, Limiter, Rate
from gateway.outbox.sender import Sender, SendSettings
from gateway.store.database import Pool
from simulator.stack.valkey import Valkey
from tests.gateway.support.deliveries import NUMBER
from tests.gateway.support.harness import Gateway, until

RATE = 20.0
CHANNELS = Channels([Channel(phone_number_id=NUMBER, access_token="the-token", messages_per_second=RATE)])


class Worker:
    """A sender with its own connection to Valkey; it records when its messages arrive at Meta."""

    def __init__(self, gateway: Gateway, client: redis.Redis) -> None:
        self.sender = Sender(gateway.pool, gateway.clients, CHANNELS, Limiter(client, gateway.pool), SendSettings(60))

    async def work(self, done: asyncio.Event) -> None:
        while not done.is_set():
            await self.sender.step()
            await asyncio.sleep(0.02)
        await self.sender.drain()


@pytest.fixture
async def gateway(pool: Pool) -> Gateway:
    return Gateway(pool, channels=CHANNELS)


@pytest.fixture
async def workers(gateway: Gateway, valkey: Valkey) -> AsyncIterator[list[Worker]]:
    clients = [redis.Redis.from_url(valkey.url, retry=Retry(NoBackoff(), 0)) for _ in range(2)]
    yield [Worker(gateway, client) for client in clients]
    for client in clients:
        await client.aclose()


async def fill(gateway: Gateway, customers: int, each: int) -> None:
    """Queue messages in the conversations of several customers."""
    await gateway.queue()
    await gateway.sql(
        """WITH people AS (INSERT INTO contact (id) SELECT gen_random_uuid() FROM generate_series(1, %s) RETURNING id),
                named AS (INSERT INTO contact_key (kind, value, contact_id)
                          SELECT 'wa_id', '55119' || lpad((row_number() OVER ())::text, 8, '0'), id FROM people),
                talks AS (INSERT INTO conversation (channel_id, contact_id, last_inbound_at)
                          SELECT %s, id, now() FROM people RETURNING id)
           INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'agent', 'text', %s, 'queued', now() FROM talks, generate_series(1, %s) RETURNING 1""",
        customers, NUMBER, json.dumps({"type": "text", "text": "Olá"}), each,
    )  # fmt: skip


def watch(gateway: Gateway) -> list[float]:
    """Return the times at which messages arrive at Meta."""
    times: list[float] = []
    answer = gateway.meta.__call__

    async def arrived(request: object) -> object:
        times.append(asyncio.get_running_loop().time())
        return await answer(request)  # type: ignore[arg-type]

    gateway.clients._http._transport.handler = arrived  # type: ignore[attr-defined]  # httpx's MockTransport
    return times


async def test_two_workers_together_never_exceed_the_number_s_rate(gateway: Gateway, workers: list[Worker]) -> None:
    await fill(gateway, customers=60, each=1)
    began, times, done = asyncio.get_running_loop().time(), watch(gateway), asyncio.Event()
    tasks = [asyncio.create_task(worker.work(done)) for worker in workers]
    await until(lambda: len(times) >= 60)
    done.set()
    await asyncio.gather(*tasks)
    # True on a slow machine too: so many messages cannot have had a slot in less time.
    rate = Rate.of_number(RATE)
    assert times[-1] - began >= (len(times) - 1) * rate.interval - rate.tolerance - 0.05
    assert len({body["biz_opaque_callback_data"] for body in gateway.meta.bodies}) == len(times) == 60


async def test_nor_the_pair_s(gateway: Gateway, workers: list[Worker], pool: Pool) -> None:
    """One customer gets a burst of 45 messages, then one every 6 seconds."""
    fast = Channels([Channel(phone_number_id=NUMBER, access_token="the-token", messages_per_second=1000)])
    for worker in workers:
        worker.sender._channels = fast
    await fill(gateway, customers=1, each=PAIR_BURST + 5)
    began, done = asyncio.get_running_loop().time(), asyncio.Event()
    tasks = [asyncio.create_task(worker.work(done)) for worker in workers]
    await until(lambda: len(gateway.meta.bodies) >= PAIR_BURST)
    await asyncio.sleep(0.3)
    done.set()
    await asyncio.gather(*tasks)
    took = asyncio.get_running_loop().time() - began
    assert PAIR_BURST <= len(gateway.meta.bodies) <= PAIR_BURST + took / PAIR_SECONDS + 1
    assert await gateway.sql("SELECT count(*) FROM message WHERE status = 'queued'") == [
        (PAIR_BURST + 5 - len(gateway.meta.bodies),)
    ]


async def test_a_valkey_killed_in_the_middle_loses_nothing(
    gateway: Gateway, workers: list[Worker], valkey: Valkey
) -> None:
    await fill(gateway, customers=30, each=1)
    times, done = watch(gateway), asyncio.Event()
    tasks = [asyncio.create_task(worker.work(done)) for worker in workers]
    await until(lambda: len(times) >= 10)
    valkey.kill()
    try:
        await until(lambda: len(times) >= 30)
    finally:
        valkey.start()
    done.set()
    await asyncio.gather(*tasks)
    assert len({body["biz_opaque_callback_data"] for body in gateway.meta.bodies}) == len(times) == 30
    assert set(await gateway.statuses()) == {"accepted"}
