"""The turns that a worker holds, each under a lease: renewed apart from all other work, stopped where it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from gateway.runtime.loops import ended
from gateway.runtime.telemetry import TURNS_IN_FLIGHT
from gateway.store.database import Pool
from gateway.store.turns import leases as store
from gateway.store.turns.turns import Turn

log = structlog.get_logger(__name__)

_LOCKED_RETRY_SECONDS = 0.25  # until a lease is renewed whose conversation another transaction has locked

#: Answer a turn; return whether it is over: it was ended, or given back.
Answer = Callable[[Turn], Coroutine[Any, Any, bool]]


@dataclass(slots=True, eq=False)
class Held:
    """A turn and the task that answers it. again: the same turn, claimed anew meanwhile."""

    turn: Turn
    task: asyncio.Task[bool]
    again: Turn | None = None


class HeldTurns:
    """The turns that are answered here. `renew` is called in a loop; `drain` gives all turns back.

    leases: connections that nothing else uses, so that a renewal does not wait behind the work of turns.
    """

    def __init__(self, leases: Pool, answer: Answer, lease_seconds: float) -> None:
        self._leases = leases
        self._answer = answer
        self._lease_seconds = lease_seconds
        self._held: dict[UUID, Held] = {}  # by turn id
        self._draining = False

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter([*self._held.values()])

    def begin(self, turn: Turn) -> None:
        """Answer a turn that was claimed. One that is answered here already goes on, under its new lease.

        It was claimed again because its lease had run out while the database was away. It may be about to stop for
        that reason; then it begins anew.
        """
        if held := self._held.get(turn.id):
            held.turn.lease, held.again = turn.lease, turn
            return
        task = asyncio.create_task(self._answer(turn), name=f"turn-{turn.id}")
        self._held[turn.id] = Held(turn, task)
        TURNS_IN_FLIGHT.inc()
        task.add_done_callback(lambda _: self._forget(turn.id))

    def _forget(self, turn_id: UUID) -> None:
        held = self._held.pop(turn_id)
        TURNS_IN_FLIGHT.dec()
        if held.again and not self._draining and not _is_over(held.task):
            self.begin(held.again)

    async def one_ends(self, seconds: float) -> None:
        """Wait until one of the turns ends, at most so long."""
        if tasks := [held.task for held in self]:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def renew(self) -> float:
        """Renew all leases, and stop the turns that another worker has; return the seconds until the next renewal.

        A conversation that another transaction has locked is not waited for: nobody else can claim it meanwhile.
        """
        # A snapshot: a turn that is claimed again meanwhile has another lease, which is not renewed here.
        asked = {(held.turn.conversation_id, held.turn.lease): held for held in self}
        if not asked:
            return self._lease_seconds / 3
        async with self._leases.connection() as conn:
            kept = await store.renew(conn, [*asked], self._lease_seconds)
        for (conversation, lease), held in asked.items():
            if (conversation, lease) not in kept and held.turn.lease == lease:
                log.warning("lease_lost", turn_id=str(held.turn.id))
                held.task.cancel()
        return self._lease_seconds / 3 if all(kept.values()) else _LOCKED_RETRY_SECONDS

    async def drain(self) -> None:
        """Give all turns back. Their runs continue in the agent server; the next worker adopts them."""
        self._draining = True
        if held := [*self]:
            await ended(one.task for one in held)
            async with self._leases.connection() as conn:
                await store.release(conn, [(one.turn.conversation_id, one.turn.lease) for one in held])
            log.info("turns_given_back", turns=len(held))


def _is_over(task: asyncio.Task[bool]) -> bool:
    if task.cancelled():
        return False
    if error := task.exception():
        log.error("turn_crashed", exc_info=error)
        return False
    return task.result()
