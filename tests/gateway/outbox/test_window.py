"""The 24-hour window: outside it the channel's fallback template is sent once, or the reply fails visibly."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.numbers.channels import Channel, Channels
from gateway.store.database import Pool
from gateway.store.desk import standing
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import refused, status

FALLBACK = {"name": "we_have_an_answer", "language": "pt_BR", "parameters": ["SVLentes"]}
WITH_FALLBACK = Channels(
    [Channel.model_validate({"phone_number_id": NUMBER, "access_token": "the-token", "fallback_template": FALLBACK})]
)
COMPONENTS = [{"type": "body", "parameters": [{"type": "text", "text": "SVLentes"}]}]


@pytest.fixture
def gateway(pool: Pool) -> Gateway:
    return Gateway(pool, channels=WITH_FALLBACK)


async def close(gateway: Gateway, hours: float = 25) -> None:
    """Set the customer's last message to this number of hours ago."""
    await gateway.sql(
        "UPDATE conversation SET last_inbound_at = now() - make_interval(secs => %s) RETURNING 1", hours * 3600
    )


async def settle(gateway: Gateway) -> None:
    for _ in range(6):
        await gateway.sender.expire()
        await gateway.send()


async def rows(gateway: Gateway) -> list[tuple[Any, ...]]:
    return await gateway.sql("SELECT type, status, error_code FROM message WHERE direction = 'out' ORDER BY seq")


async def test_all_parts_of_a_reply_become_one_template(gateway: Gateway) -> None:
    await gateway.queue("1", "2", "3")
    await close(gateway)
    await settle(gateway)
    [body] = gateway.meta.bodies
    assert body["template"] == {"name": "we_have_an_answer", "language": {"code": "pt_BR"}, "components": COMPONENTS}
    assert await rows(gateway) == [("text", "failed", 131047)] * 3 + [("template", "accepted", None)]
    [(replaced,)] = await gateway.sql("SELECT r.content->>'text' FROM message m JOIN message r ON r.id = m.replaces")
    assert replaced == "1"


async def test_without_a_fallback_a_reply_fails_visibly(pool: Pool) -> None:
    gateway = Gateway(pool)
    await gateway.queue("1")
    await close(gateway)
    await settle(gateway)
    assert gateway.meta.bodies == []
    [(error,)] = await gateway.sql("SELECT error FROM message WHERE status = 'failed'")
    assert "fallback_template" in error


async def test_within_the_window_nothing_changes(gateway: Gateway) -> None:
    await gateway.queue("1")
    await close(gateway, 23.9)
    await settle(gateway)
    assert gateway.meta.texts == ["1"]


async def test_the_customers_next_word_opens_it_again(gateway: Gateway) -> None:
    await gateway.queue("1")
    await close(gateway)
    await settle(gateway)
    await gateway.queue("2")  # after another message of the customer
    await settle(gateway)
    assert gateway.meta.texts == ["2"]
    await gateway.queue("3")
    await close(gateway)
    await gateway.sql(
        "UPDATE message SET created_at = created_at - interval '26 h' WHERE replaces IS NOT NULL RETURNING 1"
    )
    await settle(gateway)
    assert [body["type"] for body in gateway.meta.bodies] == ["template", "text", "template"]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_meta_that_says_so_leads_to_the_same(gateway: Gateway, asynchronous: bool) -> None:
    """Meta reports it in its answer, or later in a status of an accepted message."""
    await gateway.queue("1", "2")
    if asynchronous:
        await gateway.send()
        await gateway.send()
        errors = [{"code": 131047, "title": "Re-engagement message"}]
        late = [status("failed", f"wamid.OUT{n}", errors=errors) for n in (1, 2)]
        await gateway.receive(statuses=late)
    else:
        gateway.meta.answers = [refused(131047), refused(131047)]
    await settle(gateway)
    assert [body["type"] for body in gateway.meta.bodies] == ["text", "text", "template"]
    assert await rows(gateway) == [("text", "failed", 131047)] * 2 + [("template", "accepted", None)]
    await settle(gateway)
    assert len(gateway.meta.bodies) == 3


async def test_a_refused_template_is_not_replaced_by_itself(gateway: Gateway) -> None:
    await gateway.queue("1")
    await close(gateway)
    gateway.meta.answers = [refused(131047)]
    await settle(gateway)
    assert [body["type"] for body in gateway.meta.bodies] == ["template"]
    assert await rows(gateway) == [("text", "failed", 131047), ("template", "failed", 131047)]
    assert await gateway.sql("SELECT count(*) FROM message WHERE NOT window_handled AND status = 'failed'") == [(0,)]


async def test_when_a_person_has_taken_over_nothing_is_said_for_the_agent(gateway: Gateway) -> None:
    await gateway.queue("1")
    await gateway.send()
    [(conversation_id,)] = await gateway.sql("SELECT id FROM conversation")
    async with gateway.pool.connection() as conn:
        await standing.give(conn, conversation_id, None)
    await gateway.receive(statuses=[status("failed", "wamid.OUT1", errors=[{"code": 131047}])])
    await settle(gateway)
    assert [body["type"] for body in gateway.meta.bodies] == ["text"]


async def test_templates_need_no_window_and_no_customer_that_wrote(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'gateway', 'template', %s, 'queued', now() FROM conversation RETURNING 1""",
        json.dumps({"type": "template", "name": "order_shipped", "language": "pt_BR"}),
    )
    await gateway.sql("UPDATE conversation SET last_inbound_at = NULL RETURNING 1")
    await gateway.send()
    assert gateway.meta.bodies[0]["template"]["name"] == "order_shipped"


@pytest.mark.parametrize("wrong", [{"name": "x"}, {"name": "", "language": "y"}, {**FALLBACK, "parameters": [" "]}])
def test_a_fallback_that_cannot_be_sent_is_no_channel(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Channel.model_validate({"phone_number_id": "1", "access_token": "t", "fallback_template": wrong})
