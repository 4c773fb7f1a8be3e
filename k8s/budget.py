"""How many calls Meta allows, and who is next where it allows too few. Pure: the clock is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

Clock = Callable[[], float]  # monotonic seconds

HOUR = 3600.0


class Budget:
    """At most `limit` calls in any `window` seconds, and none while Meta asked for a pause."""

    def __init__(self, limit: int, clock: Clock, window: float = HOUR) -> None:
        self._limit, self._clock, self._window = limit, clock, window
        self._spent: deque[float] = deque()
        self._paused_until = float("-inf")

    def left(self) -> int:
        """Calls that may be made now, pauses aside."""
        self._forget()
        return max(self._limit - len(self._spent), 0)

    def wait(self, reserve: int = 0) -> float:
        """Seconds until a call may be made that leaves `reserve` for others; 0: now."""
        now, pause = self._clock(), max(self._paused_until - self._clock(), 0.0)
        self._forget()
        # More may be spent than is allowed: the pages of a list are counted when they are there.
        over = len(self._spent) + reserve + 1 - self._limit
        if over <= 0 or not self._spent:
            return pause
        oldest = self._spent[min(over, len(self._spent)) - 1]
        return max(pause, oldest + self._window - now)

    def spend(self) -> None:
        """Note a call."""
        self._forget()
        self._spent.append(self._clock())

    def pause(self, seconds: float) -> None:
        """Make no calls for so long."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _forget(self) -> None:
        while self._spent and self._spent[0] <= self._clock() - self._window:
            self._spent.popleft()


class Place(NamedTuple):
    """A place in the queue: how many are before it, and how many wait in all."""

    before: int
    waiting: int


class Queue:
    """Who waits, in the order of arrival. Who does not ask again in time is taken for gone."""

    def __init__(self, clock: Clock, patience: float = 120.0) -> None:
        self._clock, self._patience = clock, patience
        self._asked: dict[str, float] = {}

    def ask(self, key: str) -> Place:
        """Give the place of key, at the end if it is new."""
        now = self._clock()
        self._asked[key] = now
        self._asked = {one: asked for one, asked in self._asked.items() if now - asked <= self._patience}
        return Place(list(self._asked).index(key), len(self._asked))

    def leave(self, key: str) -> None:
        """Take key out; nothing happens when it is not in."""
        self._asked.pop(key, None)

    def first(self) -> str | None:
        """Who is next."""
        return next(iter(self._asked), None)

    def __len__(self) -> int:
        return len(self._asked)
