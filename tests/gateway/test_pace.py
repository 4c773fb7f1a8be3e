"""How soon the loops of a worker look again when nothing wakes them."""

from gateway.store.inbox import events
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway


async def test_where_nothing_waits_a_worker_does_not_look_often(gateway: Gateway) -> None:
    assert await gateway.intake.step() > 5
    assert await gateway.sender.step() > 5


async def test_an_item_that_was_put_off_is_looked_at_soon(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE event SET state = 'new', due_at = now() + interval '1 hour' RETURNING 1")
    assert await gateway.intake.step() <= 1


async def test_an_item_that_another_worker_processes_is_looked_at_soon(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE event SET state = 'new', due_at = NULL RETURNING 1")
    async with gateway.pool.connection() as conn, conn.transaction():
        assert len(await events.claim(conn, 10)) == 1
        assert await gateway.intake.step() <= 1


async def test_a_message_that_may_come_back_to_the_queue_is_looked_at_soon(gateway: Gateway) -> None:
    await gateway.queue("later", "after it")
    await gateway.sql("UPDATE message SET send_at = now() + interval '1 hour' RETURNING 1")
    assert await gateway.sender.step() <= 1
    await gateway.sql("UPDATE message SET status = 'sending', lease_until = now() + interval '1 hour' RETURNING 1")
    assert await gateway.sender.step() <= 1
