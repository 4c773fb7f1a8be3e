"""Items of a batch are processed together, and each by itself where one of them cannot be."""

import asyncio
from typing import Any

import psycopg
import pytest

from gateway.inbox.intake import Intake
from gateway.store import conversations
from tests.gateway.support.deliveries import payload, text
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import status


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the statements that the gateway executes."""
    statements: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        statements.append(str(query))
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    return statements


async def sent(gateway: Gateway, messages: int) -> list[str]:
    """Send messages to as many customers, and return their wamids."""
    for n in range(messages):
        await gateway.queue("Olá", wa_id=f"55119{n:08d}")
    await gateway.send()
    return [row[0] for row in await gateway.sql("SELECT wamid FROM message WHERE direction = 'out' ORDER BY seq")]


async def test_statuses_of_forty_messages_ask_as_much_as_those_of_two(gateway: Gateway, asked: list[str]) -> None:
    wamids = await sent(gateway, 42)
    counts = []
    for some in (wamids[:2], wamids[2:]):
        await gateway.keep(payload(statuses=[status("delivered", wamid) for wamid in some]))
        asked.clear()
        await gateway.intake.step()
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert set(await gateway.statuses()) == {"delivered"}


async def test_statuses_of_one_message_in_one_batch_leave_it_at_the_furthest(gateway: Gateway) -> None:
    [wamid] = await sent(gateway, 1)
    price = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    told = [status("read", wamid), status("sent", wamid, pricing=price), status("delivered", wamid)]
    await gateway.receive(statuses=told)
    assert await gateway.statuses() == ["read"]
    assert await gateway.sql("SELECT pricing->>'category' FROM message WHERE direction = 'out'") == [("service",)]


async def test_of_a_batch_only_the_status_without_a_message_waits(gateway: Gateway) -> None:
    [wamid] = await sent(gateway, 1)
    await gateway.receive(text("E então?"), statuses=[status("delivered", wamid), status("read", "wamid.UNKNOWN")])
    assert await gateway.statuses() == ["delivered"]
    waiting = await gateway.sql("SELECT state, note FROM event WHERE key LIKE '%%UNKNOWN%%'")
    assert waiting == [("new", "no message of ours")]
    assert {state for state, _ in await gateway.outcomes()} == {"done", "new"}


async def test_an_item_that_fails_leaves_the_others_of_its_batch(gateway: Gateway) -> None:
    [wamid] = await sent(gateway, 1)
    await poison(gateway.pool, "message", "NEW.content->>'text' = 'veneno'")
    await gateway.receive(text("antes"), text("veneno"), text("depois"), statuses=[status("read", wamid)])
    assert sorted(state for state, _ in await gateway.outcomes()) == ["done", "done", "done", "done", "failed"]
    assert await gateway.statuses() == ["read"]
    assert [row[2] for row in await gateway.messages() if row[0] == "customer"] == ["Olá", "antes", "depois"]


async def test_two_batches_with_the_same_customers_in_another_order_do_not_deadlock(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria, joao = "5511987654321", "5521911112222"
    await gateway.receive(text("Oi", wa_id=maria), text("Oi", wa_id=joao))
    await gateway.keep(payload(*(text("E então?", wa_id=one) for one in (maria, joao, joao, maria))))
    found, begun = conversations.locked, 0

    async def locked(*given: Any) -> Any:
        nonlocal begun
        conversation = await found(*given)
        begun += 1
        waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while begun < 2 and not (await gateway.sql(waits))[0][0]:
            await asyncio.sleep(0.01)
        return conversation

    monkeypatch.setattr("gateway.inbox.intake._BATCH_SIZE", 2)
    monkeypatch.setattr(conversations, "locked", locked)
    monkeypatch.setattr(Intake, "_one_by_one", None)  # called after a deadlock
    await asyncio.gather(gateway.intake.step(), Gateway(gateway.pool).intake.step())
    assert await gateway.sql("SELECT state, count(*) FROM event GROUP BY 1") == [("done", 6)]
