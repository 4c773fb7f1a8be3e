"""The calls that Meta allows, and the queue where it allows too few. Pure: the clock is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

Clock = Callable[[], float]  # monotonic seconds

HOUR_SECONDS = 3600.0
# How long Meta's count is used. After that calls may be made, whose answers bring a new count.
META_COUNT_SECONDS = 300.0
META_ROUNDING = 0.01  # Meta gives whole per cents, and may have rounded up


class Budget:
    """At most `limit` calls in any `window` seconds, ours and those that Meta counts, and none while Meta asked for a
    pause.
    """

    def __init__(self, limit: int, clock: Clock, window: float = HOUR_SECONDS) -> None:
        self._limit, self._clock, self._window = limit, clock, window
        self._spent: deque[float] = deque()
        self._counted = 0  # by Meta
        self._counted_until = float("-inf")
        self._paused_until = float("-inf")

    def left(self) -> int:
        """Return how many calls may be made now, if there is no pause."""
        self._drop_expired()
        return max(self._limit - max(len(self._spent), self._counted), 0)

    def wait_seconds(self, reserve: int = 0) -> float:
        """Return the seconds until a call may be made that leaves `reserve` calls for others; 0: now."""
        self._drop_expired()
        ready = self._paused_until
        # More may be spent than allowed: the pages of a list are counted after they are read.
        over = min(len(self._spent) + reserve + 1 - self._limit, len(self._spent))
        if over > 0:
            ready = max(ready, self._spent[over - 1] + self._window)
        if self._counted and self._counted + reserve + 1 > self._limit:
            ready = max(ready, self._counted_until)
        return max(ready - self._clock(), 0.0)

    def spend(self) -> None:
        """Note a call."""
        self._drop_expired()
        self._spent.append(self._clock())

    def take_meta_count(self, share: float) -> None:
        """Note how much of the limit is used by Meta's count, 1.0 for all of it; it includes calls of others."""
        self._counted = max(round((min(share, 2.0) - META_ROUNDING) * self._limit), 0)
        self._counted_until = self._clock() + min(META_COUNT_SECONDS, self._window)

    def pause(self, seconds: float) -> None:
        """Make no calls for this time."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _drop_expired(self) -> None:
        while self._spent and self._spent[0] <= self._clock() - self._window:
            self._spent.popleft()
        if self._counted_until <= self._clock():
            self._counted = 0


class Place(NamedTuple):
    """A place in the queue: how many are before it, and how many wait in all."""

    before: int
    waiting: int


class Queue:
    """The waiting keys, in the order of arrival. A key that does not join again in time is removed."""

    def __init__(self, clock: Clock, patience: float = 120.0) -> None:
        self._clock, self._patience = clock, patience
        self._asked: dict[str, float] = {}

    def join(self, key: str) -> Place:
        """Return the place of key, at the end if it is new."""
        now = self._clock()
        self._asked[key] = now
        self._asked = {one: asked for one, asked in self._asked.items() if now - asked <= self._patience}
        return Place(list(self._asked).index(key), len(self._asked))

    def leave(self, key: str) -> None:
        """Remove key, if it waits."""
        self._asked.pop(key, None)

    def first(self) -> str | None:
        """Return the next key, None where none waits."""
        return next(iter(self._asked), None)

    def __len__(self) -> int:
        return len(self._asked)
