import asyncio
import math

import pytest
import redis.asyncio as redis
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from structlog.testing import capture_logs

from gateway import limits
from gateway.limits import PAIR_BURST, PAIR_SECONDS, Limiter

FAST = 1_000_000  # messages a second: no limit


class Time:
    """A clock that only sleeping moves, and that remembers every sleep."""

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


@pytest.fixture
async def limiter(client, time):
    return Limiter(client, clock=time.clock, sleep=time.sleep)


async def test_a_customer_gets_a_burst_and_then_one_message_every_six_seconds(limiter):
    answers = [await limiter.acquire("1", "maria", FAST) for _ in range(PAIR_BURST + 1)]
    assert answers[:-1] == [0.0] * PAIR_BURST
    assert 0 < answers[-1] <= PAIR_SECONDS
    assert await limiter.acquire("1", "joão", FAST) == 0
    assert await limiter.acquire("2", "maria", FAST) == 0


async def test_workers_share_the_limits(valkey, limiter, time):
    async with redis.Redis.from_url(valkey.url) as other_client:
        other = Limiter(other_client, sleep=time.sleep)
        both = [limiter, other] * PAIR_BURST
        answers = await asyncio.gather(*(one.acquire("1", "maria", FAST) for one in both))
    assert answers.count(0.0) == PAIR_BURST


async def test_a_number_is_spread_over_the_second_and_a_long_wait_is_given_back(limiter, time):
    answers = [await limiter.acquire("1", str(n), 10) for n in range(100)]
    admitted = answers.count(0.0)
    # One at once and those of a patience of one second; the test itself takes some time.
    assert 11 <= admitted < 100
    assert all(0 < wait <= 1 for wait in time.slept)
    assert all(wait > 1 for wait in answers if wait)


async def test_a_refused_slot_is_not_used_up(limiter, time):
    for n in range(100):
        await limiter.acquire("1", str(n), 10)
    time.slept.clear()
    for _ in range(5):
        assert await limiter.acquire("1", "maria", 10) > 0
    assert await limiter.acquire("1", "maria", FAST) == 0  # nothing was taken from the pair
    assert time.slept == [] or time.slept[0] <= 1


async def test_a_pair_that_meta_refused_is_held_back_longer_each_time(limiter):
    assert [await limiter.back_off("1", "maria") for _ in range(7)] == [4, 16, 64, 256, 1024, 1024, 1024]
    assert 256 < await limiter.acquire("1", "maria", FAST) <= 1024
    assert await limiter.acquire("1", "joão", FAST) == 0


async def test_keys_do_not_stay_for_ever(limiter, client):
    await limiter.acquire("1", "maria")
    await limiter.back_off("1", "maria")
    keys = await client.keys("*")
    assert len(keys) == 3
    for key in keys:
        assert 0 < await client.pttl(key) < 3_600_000


async def test_without_redis_stricter_limits_hold_and_it_is_asked_again(valkey, limiter, time):
    assert await limiter.acquire("1", "maria") == 0
    valkey.kill()
    try:
        with capture_logs() as logs:
            answers = [await limiter.acquire("1", "maria", FAST) for _ in range(PAIR_BURST)]
            time.now += 10  # past the next try, which fails as well
            await limiter.acquire("1", "joão")
        assert answers.count(0.0) == PAIR_BURST // 4
        assert [entry["event"] for entry in logs] == ["limits_not_shared"]
    finally:
        valkey.start()
    time.now += 10
    with capture_logs() as logs:
        assert [await limiter.acquire("1", "ana", FAST) for _ in range(PAIR_BURST)] == [0.0] * PAIR_BURST
    assert [entry["event"] for entry in logs] == ["limits_shared_again"]


async def test_a_script_that_redis_refuses_is_an_outage_too(client, limiter):
    await client.set("whatsapp:limit:{1}", "no number")
    await client.lpush("whatsapp:limit:{2}", "no string")
    with capture_logs() as logs:
        assert await limiter.acquire("2", "maria") == 0
    assert [entry["event"] for entry in logs] == ["limits_not_shared"]


async def test_without_a_redis_at_all_the_limits_are_local(time):
    limiter = Limiter(None, clock=time.clock, sleep=time.sleep)
    assert await limiter.back_off("1", "maria") == 4
    assert await limiter.back_off("1", "maria") == 16
    assert await limiter.acquire("1", "maria") == pytest.approx(16)
    time.now += 16
    assert await limiter.acquire("1", "maria") == 0
    time.now += 3600
    assert await limiter.back_off("1", "maria") == 4


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=150),
    st.sampled_from([1, 4, 10, 80, 1000]),
)
def test_local_limits_are_never_broken(asked, per_second):
    time = Time()
    limiter = Limiter(None, clock=time.clock, sleep=time.sleep)
    sent = []

    async def run():
        for customer, pause in asked:
            time.now += pause
            if await limiter.acquire("1", customer, per_second) == 0:
                sent.append((time.now, customer))

    asyncio.run(run())
    share = math.ceil(per_second / 4)
    for start, _ in sent:
        assert sum(start <= at < start + 1 - 1e-6 for at, _ in sent) <= share
    for customer in "abc":
        times = [at for at, who in sent if who == customer]
        for first, at in enumerate(times):
            since = times[-1] - at
            assert len(times) - first <= PAIR_BURST // 4 + since / (PAIR_SECONDS * 4) + 1e-6


async def test_local_memory_is_bounded(time, monkeypatch):
    monkeypatch.setattr(limits, "_MANY", 10)
    limiter = Limiter(None, clock=time.clock, sleep=time.sleep)
    for n in range(100):
        time.now += 60
        await limiter.acquire("1", str(n))
    assert len(limiter._local._tat) <= 11
