"""The 24-hour window: outside it a reply goes as the channel's fallback template, once, or fails visibly."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.numbers.channels import Channel, Channels
from gateway.store import ownership
from gateway.store.database import Pool
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.desk import Desk, refused, status

FALLBACK = {"name": "we_have_an_answer", "language": "pt_BR", "parameters": ["SVLentes"]}
WITH_FALLBACK = Channels(
    [Channel.model_validate({"phone_number_id": NUMBER, "access_token": "the-token", "fallback_template": FALLBACK})]
)
COMPONENTS = [{"type": "body", "parameters": [{"type": "text", "text": "SVLentes"}]}]


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool, WITH_FALLBACK)


async def close(desk: Desk, hours: float = 25) -> None:
    """The customer's last word was so many hours ago."""
    await desk.sql(
        "UPDATE conversation SET last_inbound_at = now() - make_interval(secs => %s) RETURNING 1", hours * 3600
    )


async def settle(desk: Desk) -> None:
    for _ in range(6):
        await desk.sender.expire()
        await desk.step()


async def rows(desk: Desk) -> list[tuple[Any, ...]]:
    return await desk.sql("SELECT type, status, error_code FROM message WHERE direction = 'out' ORDER BY seq")


async def test_all_parts_of_a_reply_become_one_template(desk: Desk) -> None:
    await desk.queue("1", "2", "3")
    await close(desk)
    await settle(desk)
    [body] = desk.meta.bodies
    assert body["template"] == {"name": "we_have_an_answer", "language": {"code": "pt_BR"}, "components": COMPONENTS}
    assert await rows(desk) == [("text", "failed", 131047)] * 3 + [("template", "accepted", None)]
    [(replaced,)] = await desk.sql("SELECT r.content->>'text' FROM message m JOIN message r ON r.id = m.replaces")
    assert replaced == "1"


async def test_without_a_fallback_a_reply_fails_visibly(pool: Pool) -> None:
    desk = Desk(pool)
    await desk.queue("1")
    await close(desk)
    await settle(desk)
    assert desk.meta.bodies == []
    [(error,)] = await desk.sql("SELECT error FROM message WHERE status = 'failed'")
    assert "fallback_template" in error


async def test_within_the_window_nothing_changes(desk: Desk) -> None:
    await desk.queue("1")
    await close(desk, 23.9)
    await settle(desk)
    assert desk.meta.texts == ["1"]


async def test_the_customers_next_word_opens_it_again(desk: Desk) -> None:
    await desk.queue("1")
    await close(desk)
    await settle(desk)
    await desk.queue("2")  # after another message of the customer
    await settle(desk)
    assert desk.meta.texts == ["2"]
    await desk.queue("3")
    await close(desk)
    await desk.sql(
        "UPDATE message SET created_at = created_at - interval '26 h' WHERE replaces IS NOT NULL RETURNING 1"
    )
    await settle(desk)
    assert [body["type"] for body in desk.meta.bodies] == ["template", "text", "template"]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_meta_that_says_so_leads_to_the_same(desk: Desk, asynchronous: bool) -> None:
    """Meta says it in its answer, or later, in a status of a message that it took."""
    await desk.queue("1", "2")
    if asynchronous:
        await desk.step()
        await desk.step()
        errors = [{"code": 131047, "title": "Re-engagement message"}]
        late = [status("failed", f"wamid.OUT{n}", errors=errors) for n in (1, 2)]
        await desk.deliver(statuses=late)
    else:
        desk.meta.answers = [refused(131047), refused(131047)]
    await settle(desk)
    assert [body["type"] for body in desk.meta.bodies] == ["text", "text", "template"]
    assert await rows(desk) == [("text", "failed", 131047)] * 2 + [("template", "accepted", None)]
    await settle(desk)
    assert len(desk.meta.bodies) == 3


async def test_a_refused_template_is_not_replaced_by_itself(desk: Desk) -> None:
    await desk.queue("1")
    await close(desk)
    desk.meta.answers = [refused(131047)]
    await settle(desk)
    assert [body["type"] for body in desk.meta.bodies] == ["template"]
    assert await rows(desk) == [("text", "failed", 131047), ("template", "failed", 131047)]
    assert await desk.sql("SELECT count(*) FROM message WHERE NOT window_handled AND status = 'failed'") == [(0,)]


async def test_when_a_person_has_taken_over_nothing_is_said_for_the_agent(desk: Desk) -> None:
    await desk.queue("1")
    await desk.step()
    [(conversation_id,)] = await desk.sql("SELECT id FROM conversation")
    async with desk.pool.connection() as conn:
        await ownership.take(conn, conversation_id, "person")
    await desk.deliver(statuses=[status("failed", "wamid.OUT1", errors=[{"code": 131047}])])
    await settle(desk)
    assert [body["type"] for body in desk.meta.bodies] == ["text"]


async def test_templates_need_no_window_and_no_customer_that_wrote(desk: Desk) -> None:
    await desk.deliver(text("Olá"))
    await desk.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'gateway', 'template', %s, 'queued', now() FROM conversation RETURNING 1""",
        json.dumps({"type": "template", "name": "order_shipped", "language": "pt_BR"}),
    )
    await desk.sql("UPDATE conversation SET last_inbound_at = NULL RETURNING 1")
    await desk.step()
    assert desk.meta.bodies[0]["template"]["name"] == "order_shipped"


@pytest.mark.parametrize("wrong", [{"name": "x"}, {"name": "", "language": "y"}, {**FALLBACK, "parameters": [" "]}])
def test_a_fallback_that_cannot_be_sent_is_no_channel(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Channel.model_validate({"phone_number_id": "1", "access_token": "t", "fallback_template": wrong})
