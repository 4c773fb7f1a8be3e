"""One worker holds a turn at a time: its lease, its renewal, its loss, and the next worker."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gateway.store.database import Connection, make_pool
from gateway.store.turns import leases, turns
from gateway.turns.holder import Turns
from gateway.turns.leases import Held
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.faults import heal, poison
from tests.gateway.support.harness import Gateway, until


async def test_two_workers_never_hold_one_conversation(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    for n in range(20):
        await gateway.receive(text(str(n), wa_id=f"55119{n:08d}"))
    other = gateway.worker()
    await asyncio.gather(gateway.turns.step(), other.step(), gateway.turns.step(), other.step())
    held = [one.turn.id for one in [*gateway.turns._held, *other._held]]
    assert len(held) == len(set(held)) == 20
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held and not other._held)
    assert sorted(gateway.agent.created) == sorted(set(gateway.agent.created))


async def test_a_dead_workers_turn_is_taken_over_and_its_run_adopted(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    for held in gateway.turns._held:  # dies without giving anything back
        held.task.cancel()
    other = gateway.worker()
    await other.step()
    assert not other._held
    await gateway.sql("UPDATE conversation SET lease_until = now() RETURNING 1")
    gateway.agent.gate.set()
    await gateway.settle(other)
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


async def test_a_drained_worker_gives_its_turns_back_at_once(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.turns.drain()
    gateway.agent.gate.set()
    await gateway.settle(gateway.worker())
    assert len(gateway.agent.runs) == 1
    assert await gateway.replies() == ["Olá"]


async def test_who_lost_the_lease_changes_nothing(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.sql("UPDATE conversation SET lease_owner = gen_random_uuid() RETURNING 1")
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == []
    assert await gateway.sql("SELECT state FROM turn") == [("open",)]


async def test_a_lost_lease_stops_the_turn_at_the_next_renewal(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await gateway.turns.renew()
    assert gateway.turns._held
    await gateway.sql("UPDATE conversation SET lease_owner = gen_random_uuid() RETURNING 1")
    await gateway.turns.renew()
    await until(lambda: not gateway.turns._held)


async def held_turn(gateway: Gateway, turns: Turns | None = None) -> Held:
    """Return a turn that a worker holds while its run is on its way."""
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await (turns or gateway.turns).step()
    [held] = (turns or gateway.turns)._held
    await until(lambda: held.turn.run_id is not None)
    return held


async def test_a_renewal_waits_for_no_lock_and_is_made_up_soon(gateway: Gateway) -> None:
    await held_turn(gateway)
    await gateway.sql("UPDATE conversation SET lease_until = now() RETURNING 1")
    left = "SELECT lease_until > now() + interval '20 s' FROM conversation"
    async with gateway.pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT FROM conversation FOR UPDATE")  # as a batch of the intake does
        assert await gateway.turns.renew() < 1
        assert await gateway.sql(left) == [(False,)]
        assert len(gateway.turns._held) == 1
    assert await gateway.turns.renew() == pytest.approx(10)
    assert await gateway.sql(left) == [(True,)]
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Olá"]


async def test_leases_are_renewed_while_all_other_connections_are_taken(gateway: Gateway, database: str) -> None:
    async with make_pool(database, 1) as leases, AsyncExitStack() as taken:
        turns = gateway.worker(leases=leases)
        await held_turn(gateway, turns)
        for _ in range(gateway.pool.max_size):
            await taken.enter_async_context(gateway.pool.connection())
        async with asyncio.timeout(5):
            await turns.renew()
        assert len(turns._held) == 1
        await taken.aclose()
        await turns.drain()


async def test_a_turn_claimed_anew_during_a_renewal_is_not_stopped(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await held_turn(gateway)
    renewed = leases.renew

    async def claimed_meanwhile(conn: Connection, *given: Any) -> Any:
        held.turn.lease = uuid4()
        await gateway.sql("UPDATE conversation SET lease_owner = %s RETURNING 1", held.turn.lease)
        return await renewed(conn, *given)

    monkeypatch.setattr(leases, "renew", claimed_meanwhile)
    await gateway.turns.renew()
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Olá"]


async def test_a_turn_claimed_anew_while_it_stops_begins_again_at_once(gateway: Gateway) -> None:
    held = await held_turn(gateway)
    held.task.cancel()  # as the renewal does that finds the lease taken
    await gateway.sql("UPDATE conversation SET lease_until = now() RETURNING 1")
    await gateway.turns.step()
    await until(lambda: held not in [*gateway.turns._held])
    assert len(gateway.turns._held) == 1
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Olá"]
    assert len(gateway.agent.runs) == 1


@pytest.mark.parametrize("error", ["deadlock_detected", "admin_shutdown"])
async def test_a_turn_that_the_database_interrupts_goes_on_and_loses_no_attempt(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    monkeypatch.setattr("gateway.turns.holder._DATABASE_RETRY_SECONDS", 0.01)
    interrupted = asyncio.Event()
    monkeypatch.setattr("gateway.turns.holder.ERRORS.labels", lambda _: SimpleNamespace(inc=interrupted.set))
    await poison(gateway.pool, "turn", "NEW.state = 'done'", error)
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await interrupted.wait()
    assert await gateway.sql("SELECT attempts, state FROM turn") == [(0, "open")]
    await heal(gateway.pool, "turn")
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Olá"]
    assert len(gateway.agent.runs) == 1


async def test_a_turn_whose_end_is_always_interrupted_is_given_up_when_its_time_is_over(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.turns.holder._DATABASE_RETRY_SECONDS", 0.01)
    monkeypatch.setattr("gateway.turns.holder._MIN_ATTEMPT_SECONDS", 0.5)
    monkeypatch.setattr(gateway.turns, "_bounds", replace(gateway.turns._bounds, timeout=0.1))
    await poison(gateway.pool, "turn", "NEW.state = 'done'", "query_canceled")
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: not gateway.turns._held)
    assert await gateway.sql("SELECT state, error FROM turn") == [("failed", "QueryCanceled")]
    assert len(await gateway.replies()) == 1  # the apology


async def test_a_claim_asks_as_much_for_fifty_conversations_as_for_one(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        asked.append(str(query))
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    counts = []
    for customers in (1, 50):
        await gateway.receive(*(text("Olá", wa_id=f"55119{customers:02d}{n:06d}") for n in range(customers)))
        async with gateway.pool.connection() as conn:
            asked.clear()
            assert len(await turns.claim(conn, 50, 60, [NUMBER])) == customers
            counts.append(len(asked))
    assert counts[0] == counts[1]
