import asyncio
import contextlib
import math

import pytest
import redis.asyncio as redis
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from structlog.testing import capture_logs

from gateway.outbox.rate_limits import PAIR_BURST, PAIR_SECONDS, Limiter, Rate, slots
from gateway.store.database import make_pool
from gateway.store.outbox import rates

FAST = 1_000_000  # messages a second: no limit


class Time:
    """A clock that moves only by sleeping, and records every sleep."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def client(valkey):
    async with redis.Redis.from_url(valkey.url, retry=Retry(NoBackoff(), 0)) as client:
        yield client


@pytest.fixture(params=["redis", "postgres"])
async def limiter(request, client, pool, time):
    return Limiter(client if request.param == "redis" else None, pool, clock=time.clock, sleep=time.sleep)


@pytest.fixture
async def shared(client, pool, time):
    return Limiter(client, pool, clock=time.clock, sleep=time.sleep)


async def test_a_customer_gets_a_burst_and_then_one_message_every_six_seconds(limiter):
    answers = [await limiter.acquire("1", "maria", FAST) for _ in range(PAIR_BURST + 1)]
    assert answers[:-1] == [0.0] * PAIR_BURST
    assert 0 < answers[-1] <= PAIR_SECONDS
    assert await limiter.acquire("1", "joão", FAST) == 0
    assert await limiter.acquire("2", "maria", FAST) == 0


@pytest.mark.parametrize("store", ["redis", "postgres"])
@pytest.mark.parametrize("workers", [2, 7])
async def test_any_number_of_workers_share_the_limits(valkey, database, time, store, workers):
    async with contextlib.AsyncExitStack() as stack:
        limiters = []
        for _ in range(workers):
            client = await stack.enter_async_context(redis.Redis.from_url(valkey.url)) if store == "redis" else None
            pool = await stack.enter_async_context(make_pool(database, 2))
            limiters.append(Limiter(client, pool, sleep=time.sleep))
        answers = []
        for _ in range(2 * PAIR_BURST // workers + 1):
            answers += await asyncio.gather(*(one.acquire("1", "maria", FAST) for one in limiters))
        assert PAIR_BURST <= answers.count(0.0) <= PAIR_BURST + 2  # and one every six seconds of a slow machine
        began = asyncio.get_running_loop().time()
        asked = (one.acquire("2", str(n), 10) for n in range(5) for one in limiters)
        admitted = (await asyncio.gather(*asked)).count(0.0)
        took = asyncio.get_running_loop().time() - began
        assert admitted <= math.ceil(10 * (took + 1)) + 1  # those of the patience of one second count too


async def test_a_number_is_spread_over_the_second_and_a_long_wait_is_given_back(limiter, time):
    answers = [await limiter.acquire("1", str(n), 10) for n in range(100)]
    admitted = answers.count(0.0)
    # One at once and those of a patience of one second; the test itself takes some time.
    assert 11 <= admitted <= 100
    assert all(0 < wait <= 1 for wait in time.slept)
    assert all(wait > 1 for wait in answers if wait)


async def test_a_refused_slot_is_not_used_up(limiter, time):
    assert await limiter.acquire("1", "joão", 0.01) == 0
    for _ in range(5):
        assert await limiter.acquire("1", "maria", 0.01) > 1
    assert time.slept == []


async def test_a_pair_that_meta_refused_is_held_back_longer_each_time(limiter):
    assert [await limiter.back_off("1", "maria") for _ in range(7)] == [4, 16, 64, 256, 1024, 1024, 1024]
    assert 256 < await limiter.acquire("1", "maria", FAST) <= 1024
    assert await limiter.acquire("1", "joão", FAST) == 0


async def test_keys_do_not_stay_for_ever(shared, client):
    await shared.acquire("1", "maria")
    await shared.back_off("1", "maria")
    keys = await client.keys("*")
    assert len(keys) == 3
    for key in keys:
        assert -1 != await client.pttl(key) < 3_600_000  # -1: for ever; a short one may have ended already


async def test_nor_do_rows(limiter, pool):
    await Limiter(None, pool).acquire("1", "maria")
    await Limiter(None, pool).back_off("1", "joão")
    async with pool.connection() as conn:
        assert await rates.purge(conn, 10) == 0
        await conn.execute("UPDATE send_rate SET tat = tat - 7200, refused_until = refused_until - 7200")
        assert await rates.purge(conn, 10) == 3


async def test_while_redis_is_away_postgres_keeps_the_limits_and_it_is_asked_again(valkey, shared, time):
    assert await shared.acquire("1", "maria") == 0
    valkey.kill()
    try:
        with capture_logs() as logs:
            answers = [await shared.acquire("1", "maria", FAST) for _ in range(PAIR_BURST + 5)]
            time.now += 10  # past the next try, which fails as well
            await shared.acquire("1", "joão")
        assert answers.count(0.0) == PAIR_BURST
        assert [entry["event"] for entry in logs] == ["limits_not_shared"]
    finally:
        valkey.start()
    time.now += 10
    with capture_logs() as logs:
        assert [await shared.acquire("1", "ana", FAST) for _ in range(PAIR_BURST)] == [0.0] * PAIR_BURST
    assert [entry["event"] for entry in logs] == ["limits_shared_again"]


async def test_while_both_are_away_nothing_is_admitted(time):
    async with make_pool("postgresql://nobody@127.0.0.1:1/none", 2) as pool:
        pool.timeout = 0.05
        limiter = Limiter(None, pool, sleep=time.sleep)
        assert await limiter.acquire("1", "maria") == 1
        assert await limiter.back_off("1", "maria") == 4


async def test_a_script_that_redis_refuses_is_an_outage_too(client, shared):
    await client.lpush("whatsapp:limit:{2}", "no string")
    with capture_logs() as logs:
        assert await shared.acquire("2", "maria") == 0
    assert [entry["event"] for entry in logs] == ["limits_not_shared"]


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=150),
    st.sampled_from([1, 4, 10, 80, 1000]),
)
def test_limits_are_never_broken(asked, per_second):
    now, number, pairs, sent = 1000.0, 0.0, dict.fromkeys("abc", 0.0), []
    rate = Rate.of_number(per_second)
    for customer, pause in asked:
        now += pause
        admitted, wait, after = slots(number, pairs[customer], rate, now)
        if admitted:
            number, pairs[customer] = after
            sent.append((now + wait, customer))
        else:
            assert wait > 0
    for start, _ in sent:
        assert sum(start <= at < start + 1 - 1e-6 for at, _ in sent) <= math.ceil(per_second)
    for customer in "abc":
        times = [at for at, who in sent if who == customer]
        for first, at in enumerate(times):
            since = times[-1] - at + 1  # up to a second of waiting for the number's slot follows the pair's slot
            assert len(times) - first <= PAIR_BURST + since / PAIR_SECONDS + 1e-6


@pytest.mark.parametrize("per_second", [1, 10, 20, 80, 1000])
def test_nearly_all_of_the_allowance_is_used(per_second):
    assert 1 / Rate.of_number(per_second).interval >= 0.95 * per_second
