"""Control of a thread is taken from another app at Meta, or released to Meta's automatic responder."""

import pytest

from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import MARIA, NUMBER, T, message, raw_message
from tests.gateway.support.harness import Gateway


@pytest.fixture
def environment(database: str, simulator) -> dict[str, str]:
    simulator.post(f"personas/{MARIA}/messages", text="Olá")
    return {
        "DATABASE_URL": database, "WHATSAPP_GRAPH_URL": simulator.url, "WHATSAPP_PHONE_NUMBER_ID": NUMBER,
        "WHATSAPP_ACCESS_TOKEN": simulator.access_token,
    }  # fmt: skip


async def conversation(gateway: Gateway) -> str:
    return str((await gateway.sql("SELECT id FROM conversation"))[0][0])


def owner(simulator) -> str:
    return next(one["owner"] for one in simulator.get("personas")["personas"] if one["wa_id"] == MARIA)


async def test_a_thread_is_taken_and_released(
    gateway: Gateway, command: Command, environment: dict[str, str], simulator
) -> None:
    simulator.post(f"personas/{MARIA}/owner", owner="ai_agent")
    await gateway.take(message(raw_message(at=T), field="standby"))
    assert await gateway.holder() == "app"
    thread = await conversation(gateway)
    assert (await command("take-thread", thread, **environment))[0] == 0
    assert (await gateway.holder(), owner(simulator)) == ("agent", "us")
    assert (await command("release-thread", thread, **environment))[0] == 0
    assert (await gateway.holder(), owner(simulator)) == ("app", "ai_agent")


async def test_only_the_escalation_partner_takes(
    gateway: Gateway, command: Command, environment: dict[str, str], simulator
) -> None:
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json={"escalation_partner": False})
    simulator.post(f"personas/{MARIA}/owner", owner="ai_agent")
    await gateway.take(message(raw_message(at=T), field="standby"))
    code, told = await command("take-thread", await conversation(gateway), **environment)
    assert (code, await gateway.holder()) == (1, "app")
    assert "Meta did not take it: Only the escalation partner" in told
    code, _ = await command("release-thread", await conversation(gateway), **environment)
    assert (code, owner(simulator)) == (1, "ai_agent")


async def test_a_conversation_that_is_not_there_is_said(
    gateway: Gateway, command: Command, environment: dict[str, str]
) -> None:
    assert (await command("take-thread", "00000000-0000-0000-0000-000000000000", **environment))[0] == 1


async def test_a_released_thread_makes_no_turn_and_sends_nothing(
    gateway: Gateway, command: Command, environment: dict[str, str]
) -> None:
    await gateway.take(message(raw_message(at=T)))
    thread = await conversation(gateway)
    await gateway.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           VALUES (%s, 'out', 'agent', 'text', '{"type": "text", "text": "x"}', 'queued', now())""",
        thread,
    )
    assert (await command("release-thread", thread, **environment))[0] == 0
    assert await gateway.sql("SELECT status FROM message WHERE direction = 'out'") == [("failed",)]
