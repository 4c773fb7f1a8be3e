"""Meta's send rates, shared by all workers.

Two limits: messages a second of a number, and messages to one customer (the pair). Both are GCRA, in one Lua script on
Redis with the server's clock, so that workers need not agree about the time. Without Redis, or while it is away, the
same limits are kept in Postgres, more slowly (some hundred messages a second).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import redis.asyncio as redis
import structlog

from gateway.store.database import Pool
from gateway.store.outbox import rates

log = structlog.get_logger(__name__)

Script = Callable[..., Awaitable[Any]]  # as redis.register_script returns it: called with keys and args

# Where Meta says so: "Throughput" and "Pair rate limits" in developers.facebook.com/docs/whatsapp/cloud-api/overview.
MESSAGES_PER_SECOND = 80.0
PAIR_SECONDS = 6.0
PAIR_BURST = 45  # messages ahead of the rate
PAIR_BACKOFF = 4  # seconds to the power of the count of refusals (131056)
_MAX_BACKOFF_POWER = 5  # 17 minutes

# Meta counts in any second: a part of the rate at once and the rest over the second never exceed the whole.
_BURST_SHARE = 0.04
_PATIENCE_SECONDS = 1.0  # shorter waits for a number's slot are waited out here, in order of arrival
_REDIS_TIMEOUT_SECONDS = 1.0
_REDIS_RETRY_SECONDS = 1.0  # between tries while Redis is away
_FORGET_SECONDS = 600.0  # without a refusal until the count of refusals starts again

# KEYS: number, pair. ARGV, in microseconds: interval and tolerance of the number, of the pair; patience.
# Returns {admitted, wait}: admitted after `wait`, and the slot is taken; or not admitted, ask again after `wait`.
# The pair is checked before a number's slot is taken, so that no slot is wasted.
_TAKE_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function due(key, tolerance)
    local tat = math.max(tonumber(redis.call('GET', key) or 0), now)
    return tat, math.max(0, tat - tolerance - now)
end
local function take(key, tat, interval)
    redis.call('SET', key, string.format('%.0f', tat + interval), 'PX', math.ceil((tat + interval - now) / 1000) + 1)
end
local number, number_wait = due(KEYS[1], tonumber(ARGV[2]))
local pair, pair_wait = due(KEYS[2], tonumber(ARGV[4]))
if pair_wait > 0 then return {0, string.format('%.0f', math.max(pair_wait, number_wait))} end
if number_wait > tonumber(ARGV[5]) then return {0, string.format('%.0f', number_wait)} end
take(KEYS[1], number, tonumber(ARGV[1]))
take(KEYS[2], pair, tonumber(ARGV[3]))
return {1, string.format('%.0f', number_wait)}
"""

# KEYS: pair, its count. ARGV: the pair's tolerance (microseconds), base, highest power, seconds until forgotten.
# Returns the seconds to wait.
_BACK_OFF_SCRIPT = """
local power = math.min(redis.call('INCR', KEYS[2]), tonumber(ARGV[3]))
local wait = tonumber(ARGV[2]) ^ power
redis.call('EXPIRE', KEYS[2], math.ceil(wait + ARGV[4]))
local time = redis.call('TIME')
local tat = time[1] * 1000000 + time[2] + wait * 1000000 + tonumber(ARGV[1])
local before = tonumber(redis.call('GET', KEYS[1]) or 0)
local ttl = math.ceil(wait * 1000 + ARGV[1] / 1000) + 1
if tat > before then redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', ttl) end
return string.format('%.0f', wait)
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """One message every `interval` seconds, at most `tolerance` seconds ahead of that (a burst)."""

    interval: float
    tolerance: float

    @classmethod
    def of_number(cls, per_second: float) -> Rate:
        """Return a number's rate: at most `per_second` messages (rounded up) in any second."""
        burst = per_second * _BURST_SHARE
        if burst <= 1:
            return cls(1 / per_second, 0.0)
        interval = 1 / (per_second - burst)
        return cls(interval, (burst - 1) * interval)

    @classmethod
    def of_pair(cls, seconds: float = PAIR_SECONDS, burst: int = PAIR_BURST) -> Rate:
        """Return the rate to one customer."""
        return cls(seconds, (burst - 1) * seconds)


_PAIR_RATE = Rate.of_pair()


class Limiter:
    """Send slots. client, pool: opened and closed by the caller; client None: no Redis, Postgres keeps the limits."""

    def __init__(
        self,
        client: redis.Redis | None,
        pool: Pool,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._shared = _Shared(client, clock) if client is not None else None
        self._ledger = _Ledger(pool)
        self._sleep = sleep

    async def acquire(self, number: str, customer: str, per_second: float = MESSAGES_PER_SECOND) -> float:
        """Take a slot to send one message of a number to a customer.

        Return 0 when it may be sent now (a short wait for the number's slot is over), else the seconds after which to
        ask again; then no slot was taken. Never fails: while Redis is away Postgres keeps the limits, and while both
        are away nothing is admitted.
        """
        admitted, wait = await self._take(number, customer, per_second)
        if not admitted:
            return wait
        if wait > 0:
            await self._sleep(wait)
        return 0.0

    async def back_off(self, number: str, customer: str) -> float:
        """Suspend a pair that Meta refused (131056), for 4^n seconds at its nth refusal; return the seconds."""
        wait = await self._shared.back_off(number, customer) if self._shared else None
        return await self._ledger.back_off(number, customer) if wait is None else wait

    async def _take(self, number: str, customer: str, per_second: float) -> tuple[bool, float]:
        answer = await self._shared.take(number, customer, per_second) if self._shared else None
        return await self._ledger.take(number, customer, per_second) if answer is None else answer


class _Shared:
    """The limits in Redis; its methods return None while Redis is away."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float]) -> None:
        self._take: Script = client.register_script(_TAKE_SCRIPT)
        self._back_off: Script = client.register_script(_BACK_OFF_SCRIPT)
        self._clock = clock
        self._away_until: float | None = None

    async def take(self, number: str, customer: str, per_second: float) -> tuple[bool, float] | None:
        rate = Rate.of_number(per_second)
        arguments = [rate.interval, rate.tolerance, _PAIR_RATE.interval, _PAIR_RATE.tolerance, _PATIENCE_SECONDS]
        micros = [round(seconds * 1e6) for seconds in arguments]
        answer = await self._ask(self._take, [rates.key(number), rates.key(number, customer)], micros)
        return None if answer is None else (bool(int(answer[0])), int(answer[1]) / 1e6)

    async def back_off(self, number: str, customer: str) -> float | None:
        keys = [rates.key(number, customer), rates.key(number, customer, "refused")]
        arguments = [
            round(_PAIR_RATE.tolerance * 1e6),
            PAIR_BACKOFF,
            _MAX_BACKOFF_POWER,
            round(_FORGET_SECONDS),
        ]
        answer = await self._ask(self._back_off, keys, arguments)
        return None if answer is None else float(answer)

    async def _ask(self, script: Script, keys: list[str], arguments: list[int]) -> Any | None:  # noqa: ANN401 - Lua's
        if self._away_until is not None and self._clock() < self._away_until:
            return None
        try:
            # A time-out of our own, because the client's retries take longer than a send should wait.
            async with asyncio.timeout(_REDIS_TIMEOUT_SECONDS):
                answer = await script(keys=keys, args=arguments)
        except (redis.RedisError, OSError) as error:  # TimeoutError is an OSError
            self._went_away(error)
            return None
        if self._away_until is not None:
            self._away_until = None
            log.info("limits_shared_again")
        return answer

    def _went_away(self, error: Exception) -> None:
        if self._away_until is None:
            consequence = "Postgres keeps the send limits until Redis answers"
            log.warning("limits_not_shared", reason=type(error).__name__, consequence=consequence)
        self._away_until = self._clock() + _REDIS_RETRY_SECONDS


class _Ledger:
    """The same limits in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, number: str, customer: str, per_second: float) -> tuple[bool, float]:
        rate, keys = Rate.of_number(per_second), (rates.key(number), rates.key(number, customer))
        try:
            async with self._pool.connection() as conn, conn.transaction():
                # A number's first slot here gives no burst: Redis may have given one a moment ago.
                now, tats = await rates.lock(conn, {keys[0]: rate.tolerance, keys[1]: -math.inf})
                admitted, wait, after = slots(tats[keys[0]], tats[keys[1]], rate, now)
                if admitted:
                    await rates.put(conn, dict(zip(keys, after, strict=True)))
                return admitted, wait
        except psycopg.Error as error:
            log.warning("limits_away", error=type(error).__name__, consequence="asked again in a second")
            return False, _REDIS_RETRY_SECONDS

    async def back_off(self, number: str, customer: str) -> float:
        try:
            async with self._pool.connection() as conn:
                return await rates.back_off(
                    conn, rates.key(number, customer), base=PAIR_BACKOFF, highest=_MAX_BACKOFF_POWER,
                    forget=_FORGET_SECONDS, tolerance=_PAIR_RATE.tolerance,
                )  # fmt: skip
        except psycopg.Error as error:
            log.warning("limits_away", error=type(error).__name__, consequence="this customer waits the least time")
            return float(PAIR_BACKOFF)


def slots(number: float, pair: float, rate: Rate, now: float) -> tuple[bool, float, tuple[float, float]]:
    """Return whether a message is admitted, after how many seconds (else: when to ask again), and both next times.

    number, pair: the stored theoretical arrival times of the next message. The Lua script does the same.
    """
    number, pair = max(number, now), max(pair, now)
    number_wait = max(0.0, number - rate.tolerance - now)
    pair_wait = max(0.0, pair - _PAIR_RATE.tolerance - now)
    if pair_wait > 0 or number_wait > _PATIENCE_SECONDS:
        return False, max(pair_wait, number_wait), (number, pair)
    return True, number_wait, (number + rate.interval, pair + _PAIR_RATE.interval)
