"""One worker holds a turn at a time: its lease, its renewal, its loss, and the next worker."""

import asyncio
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gateway.store.turns import turns
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.harness import Gateway, until


async def test_two_workers_never_hold_one_conversation(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    for n in range(20):
        await gateway.receive(text(str(n), wa_id=f"55119{n:08d}"))
    other = gateway.worker()
    await asyncio.gather(gateway.turns.step(), other.step(), gateway.turns.step(), other.step())
    held = [*gateway.turns._held, *other._held]
    assert len(held) == len(set(held)) == 20
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held and not other._held)
    assert sorted(gateway.agent.created) == sorted(set(gateway.agent.created))


async def test_a_dead_workers_turn_is_taken_over_and_its_run_adopted(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    for _, task in gateway.turns._held.values():  # dies without giving anything back
        task.cancel()
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


async def test_a_turn_claimed_anew_during_a_renewal_is_not_stopped(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    [(turn, _)] = gateway.turns._held.values()
    await until(lambda: turn.run_id is not None)
    async with gateway.pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT FROM conversation FOR UPDATE")  # the renewal has to wait
        renewal = asyncio.create_task(gateway.turns.renew())
        waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not (await gateway.sql(waits))[0][0]:
            await asyncio.sleep(0.01)
        turn.lease = uuid4()
        await conn.execute("UPDATE conversation SET lease_owner = %s", (turn.lease,))
    await renewal
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Olá"]


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
