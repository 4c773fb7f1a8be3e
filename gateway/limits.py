"""Meta's send rates, kept by all workers together.

Two limits: messages a second of a number, and messages to one customer (the pair). Both are GCRA, in one Lua script on
Redis with the server's clock, so that workers need not agree about the time. Without Redis each worker keeps limits of
its own, stricter by the number of workers there may be.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
import structlog

log = structlog.get_logger(__name__)

Script = Callable[..., Awaitable[Any]]  # what redis.register_script gives: called with keys and args

# Where Meta says so: "Throughput" and "Pair rate limits" in developers.facebook.com/docs/whatsapp/cloud-api/overview.
MESSAGES_PER_SECOND = 80.0
PAIR_SECONDS = 6.0
PAIR_BURST = 45  # borrowed from the future
PAIR_BACKOFF = 4  # seconds to the power of the count of refusals (131056)
_HIGHEST_POWER = 5  # 17 minutes

# Meta counts in any second: a tenth of the rate at once and nine tenths over the second never exceed the whole.
_BURST_SHARE = 0.1
# Without Redis: as if so many workers sent through the same number.
_WORKERS = 4
_PATIENCE = 1.0  # seconds: shorter waits for a number's turn are waited out here, in order of arrival
_TIMEOUT = 1.0  # seconds for an answer of Redis
_RETRY = 1.0  # seconds between tries while Redis is away
_FORGET = 600.0  # seconds without a refusal until the count of refusals starts again
_MANY = 10_000  # local entries; more are searched for old ones

# KEYS: number, pair. ARGV, in microseconds: interval and tolerance of the number, of the pair; patience.
# Gives {admitted, wait}: admitted after `wait`, the slot is taken; or not admitted, ask again after `wait`.
# A pair is refused before a number's slot is taken, so that nothing is used up in vain.
_TAKE = """
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
# Gives the seconds to wait.
_BACK_OFF = """
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
    """One message every `interval` seconds, ahead of it by `tolerance` seconds at most (a burst)."""

    interval: float
    tolerance: float

    @classmethod
    def of_number(cls, per_second: float) -> Rate:
        """A number's rate: never more than `per_second` (rounded up) in any second."""
        burst = per_second * _BURST_SHARE
        if burst <= 1:
            return cls(1 / per_second, 0.0)
        interval = 1 / (per_second - burst)
        return cls(interval, (burst - 1) * interval)

    @classmethod
    def of_pair(cls, seconds: float = PAIR_SECONDS, burst: int = PAIR_BURST) -> Rate:
        """The rate to one customer."""
        return cls(seconds, (burst - 1) * seconds)


_PAIR = Rate.of_pair()
_LOCAL_PAIR = Rate.of_pair(PAIR_SECONDS * _WORKERS, PAIR_BURST // _WORKERS)


class Limiter:
    """Send slots. client: opened and closed by the caller; None: no Redis, the stricter local limits always hold."""

    def __init__(
        self,
        client: redis.Redis | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._shared = _Shared(client, clock) if client is not None else None
        self._local = _Local(clock)
        self._sleep = sleep

    async def acquire(self, number: str, customer: str, per_second: float = MESSAGES_PER_SECOND) -> float:
        """Take a slot to send one message of a number to a customer.

        Gives 0 when it may go out now (a short wait for the number's turn has been waited out), else the seconds after
        which to ask again; then nothing was taken. Never fails: while Redis is away, local limits hold.
        """
        admitted, wait = await self._take(number, customer, per_second)
        if not admitted:
            return wait
        if wait > 0:
            await self._sleep(wait)
        return 0.0

    async def back_off(self, number: str, customer: str) -> float:
        """Keep a pair back that Meta refused (131056), for 4^n seconds at its nth refusal in a row; gives them."""
        wait = await self._shared.back_off(number, customer) if self._shared else None
        return self._local.back_off(number, customer) if wait is None else wait

    async def _take(self, number: str, customer: str, per_second: float) -> tuple[bool, float]:
        answer = await self._shared.take(number, customer, per_second) if self._shared else None
        return self._local.take(number, customer, per_second) if answer is None else answer


class _Shared:
    """The limits in Redis; None for an answer while it is away."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float]) -> None:
        self._take: Script = client.register_script(_TAKE)
        self._back_off: Script = client.register_script(_BACK_OFF)
        self._clock = clock
        self._away_until: float | None = None

    async def take(self, number: str, customer: str, per_second: float) -> tuple[bool, float] | None:
        rate = Rate.of_number(per_second)
        arguments = [rate.interval, rate.tolerance, _PAIR.interval, _PAIR.tolerance, _PATIENCE]
        micros = [round(seconds * 1e6) for seconds in arguments]
        answer = await self._ask(self._take, [_key(number), _key(number, customer)], micros)
        return None if answer is None else (bool(int(answer[0])), int(answer[1]) / 1e6)

    async def back_off(self, number: str, customer: str) -> float | None:
        keys = [_key(number, customer), _key(number, customer, "refused")]
        arguments = [round(_PAIR.tolerance * 1e6), PAIR_BACKOFF, _HIGHEST_POWER, round(_FORGET)]
        answer = await self._ask(self._back_off, keys, arguments)
        return None if answer is None else float(answer)

    async def _ask(self, script: Script, keys: list[str], arguments: list[int]) -> Any | None:  # noqa: ANN401 - Lua's
        if self._away_until is not None and self._clock() < self._away_until:
            return None
        try:
            # A time-out of our own: the client's retries take longer than a send should wait.
            async with asyncio.timeout(_TIMEOUT):
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
            consequence = "each worker keeps stricter send limits of its own until Redis answers"
            log.warning("limits_not_shared", reason=type(error).__name__, consequence=consequence)
        self._away_until = self._clock() + _RETRY


class _Local:
    """The same limits for this process alone, as strict as if every worker had to share them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tat: dict[str, float] = {}  # the theoretical arrival time of the next message, by key
        self._refused: dict[str, tuple[int, float]] = {}  # how often, and until when that counts

    def take(self, number: str, customer: str, per_second: float) -> tuple[bool, float]:
        self._forget()
        rate, now = Rate.of_number(per_second / _WORKERS), self._clock()
        number_tat, number_wait = self._due(_key(number), rate, now)
        pair_tat, pair_wait = self._due(_key(number, customer), _LOCAL_PAIR, now)
        if pair_wait > 0 or number_wait > _PATIENCE:
            return False, max(pair_wait, number_wait)
        self._tat[_key(number)] = number_tat + rate.interval
        self._tat[_key(number, customer)] = pair_tat + _LOCAL_PAIR.interval
        return True, number_wait

    def back_off(self, number: str, customer: str) -> float:
        key, now = _key(number, customer), self._clock()
        before, until = self._refused.get(key, (0, now))
        power = min(before + 1 if until > now else 1, _HIGHEST_POWER)
        wait = float(PAIR_BACKOFF**power)
        self._refused[key] = (power, now + wait + _FORGET)
        self._tat[key] = max(self._tat.get(key, 0.0), now + wait + _LOCAL_PAIR.tolerance)
        return wait

    def _due(self, key: str, rate: Rate, now: float) -> tuple[float, float]:
        tat = max(self._tat.get(key, now), now)
        return tat, max(0.0, tat - rate.tolerance - now)

    def _forget(self) -> None:
        """Drop what no longer limits anything, once there is much of it."""
        if len(self._tat) > _MANY or len(self._refused) > _MANY:
            now = self._clock()
            self._tat = {key: tat for key, tat in self._tat.items() if tat > now}
            self._refused = {key: entry for key, entry in self._refused.items() if entry[1] > now}


def _key(number: str, *parts: str) -> str:
    # The braces keep all keys of a number on one node of a Redis cluster.
    return ":".join(["whatsapp:limit", f"{{{number}}}", *parts])
