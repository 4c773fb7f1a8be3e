"""Messages, edits, revocations and statuses end in the same state, in any order of their webhooks."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.database import Pool
from tests.gateway.support.deliveries import MARIA, NUMBER, change, echo, message
from tests.gateway.support.harness import Gateway, nothing

NOW = int(time.time()) - 60
HOUR = 3600
QUEUED, OUT, ECHO = "queued", "wamid.ORDER-OUT", "wamid.ORDER-ECHO"


def one(name: str, kind: str, body: Any, at: int) -> dict[str, Any]:
    return {"from": MARIA, "id": f"wamid.ORDER-{name}", "timestamp": str(at), "type": kind, kind: body}


def edit(name: str, of: str, text: str | None, at: int) -> dict[str, Any]:
    inner = {"type": "text", "text": {"body": text}} if text else {"type": "image", "image": {"id": "M"}}
    return one(name, "edit", {"original_message_id": f"wamid.ORDER-{of}", "message": inner}, at)


def revoke(name: str, of: str, at: int) -> dict[str, Any]:
    return one(name, "revoke", {"original_message_id": f"wamid.ORDER-{of}"}, at)


def status(word: str, wamid: str, code: int | None = None) -> dict[str, Any]:
    failed = {"errors": [{"code": code, "title": "x"}]} if code else {}
    return change({"statuses": [{"id": wamid, "status": word, "timestamp": str(NOW), "recipient_id": MARIA, **failed}]})


def by_app(name: str, at: int, **more: Any) -> dict[str, Any]:
    return echo("resposta de uma pessoa", at, id=f"wamid.ORDER-{name}", **more)


STORY = [
    message(one("A", "text", {"body": "quero o pedido 1"}, NOW)),
    message(edit("A1", "A", "quero o pedido 2", NOW + 1)),
    message(edit("A2", "A", "quero o pedido 3", NOW + 2)),
    message(edit("A3", "A", "quero o pedido 4", NOW + 2)),  # of the same second
    message(edit("A4", "A", None, NOW + 3)),
    message(one("B", "image", {"id": "M1", "mime_type": "image/jpeg", "caption": "assim"}, NOW + 4)),
    message(edit("B1", "B", None, NOW + 5)),
    message(one("C", "text", {"body": "engano"}, NOW + 6)),
    message(revoke("C1", "C", NOW + 7)),
    message(revoke("C2", "C", NOW + 8)),
    message(edit("C3", "C", "engano meu", NOW + 9)),
    message(one("D", "text", {"body": "alguém?"}, NOW + 20)),
    by_app("OLD", NOW - 6 * HOUR),
    status("sent", OUT),
    status("delivered", OUT),
    status("read", OUT),
    status("failed", OUT, 131026),
]
# Messages of the phone app meanwhile; after them the agent is silent.
PHONE_APP = [
    by_app("ECHO", NOW + 10),
    by_app("ECHO1", NOW + 11, type="edit", edit={
        "original_message_id": ECHO, "message": {"type": "text", "text": {"body": "melhor assim"}}}),
    by_app("ECHO2", NOW + 12),
    by_app("ECHO3", NOW + 13, type="revoke", revoke={"original_message_id": "wamid.ORDER-ECHO2"}),
    status("delivered", ECHO),
    status("read", ECHO),
]  # fmt: skip


async def emptied(gateway: Gateway) -> None:
    await gateway.sql("TRUNCATE event, contact, contact_key, conversation, turn, message, media CASCADE")
    await gateway.sql("INSERT INTO contact (id) VALUES (gen_random_uuid())")
    await gateway.sql(
        "INSERT INTO contact_key (kind, value, contact_id, since) SELECT 'wa_id', %s, id, '2020-01-01' FROM contact",
        MARIA,
    )
    await gateway.sql("INSERT INTO conversation (channel_id, contact_id) SELECT %s, id FROM contact", NUMBER)
    for state, wamid in ((QUEUED, None), ("accepted", OUT)):
        await gateway.sql(
            """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at, wamid)
               SELECT id, 'out', 'agent', 'text', '{"type": "text", "text": "x"}', %s, now(), %s FROM conversation""",
            state, wamid,
        )  # fmt: skip


async def outcome(gateway: Gateway, story: list[dict[str, Any]]) -> list[Any]:
    """Return every visible row, without the times of our receipt."""
    await emptied(gateway)
    await gateway.take(*story)
    for _ in range(3):  # statuses that came before their message are looked at again
        await gateway.sql("UPDATE event SET due_at = now() WHERE due_at IS NOT NULL")
        await gateway.intake.step()
    assert await gateway.sql("SELECT key, note FROM event WHERE state <> 'done'") == []
    return [
        await gateway.sql(
            """SELECT wamid, author, type, content - 'timestamp' - 'media', status, awaits, edited_at, revoked_at,
                      error_code, error FROM message ORDER BY wamid"""
        ),
        await gateway.sql("SELECT holder, held_until, due_at IS NULL, last_inbound_at FROM conversation"),
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), phone_app=st.booleans())
async def test_any_order_ends_in_the_same_state(pool: Pool, data: st.DataObject, phone_app: bool) -> None:
    gateway = Gateway(pool)
    story = STORY + PHONE_APP * phone_app
    told = await outcome(gateway, data.draw(st.permutations(story)))
    assert told == await outcome(gateway, story)


async def test_that_state_is_the_right_one(gateway: Gateway) -> None:
    messages, conversation = await outcome(gateway, STORY)
    by_id = {row[0]: row for row in messages}
    texts = {name: by_id[f"wamid.ORDER-{name}"][3]["text"] for name in "ABCD"}
    assert texts == {"A": "quero o pedido 4", "B": None, "C": None, "D": "alguém?"}
    assert {name for name in "ABCD" if by_id[f"wamid.ORDER-{name}"][5]} == {"A", "B", "D"}
    assert by_id[OUT][4] == "read"
    assert by_id[None][4] == QUEUED  # an echo of six hours ago does not silence the agent
    assert conversation[0][:3] == ("agent", None, False)


async def test_an_echo_of_before_a_message_is_not_its_answer(gateway: Gateway, pool: Pool) -> None:
    """After the phone app's hold, the agent answers later messages, in either order of arrival."""
    late, early = message(one("LATE", "text", {"body": "e agora?"}, NOW + 20)), by_app("ECHO", NOW + 10)
    before = message(one("BEFORE", "text", {"body": "oi"}, NOW))
    for story in ([before, early, late], [late, before, early], [late, early, before]):
        await emptied(gateway)
        await gateway.take(*story)
        assert await gateway.holder() == "app"
        assert await gateway.sql("SELECT due_at IS NOT NULL FROM conversation") == [(True,)]
    await gateway.take(by_app("AFTER", NOW + 30))
    assert await gateway.sql("SELECT due_at IS NOT NULL FROM conversation") == [(False,)]


async def test_what_the_phone_app_said_before_the_agent_got_the_conversation_back_is_old_news(gateway: Gateway) -> None:
    await emptied(gateway)
    await gateway.sql("UPDATE conversation SET freed_at = to_timestamp(%s)", NOW + 30)
    await gateway.take(by_app("ECHO", NOW + 10))
    assert await gateway.holder() == "agent"
    await gateway.take(by_app("AFTER", NOW + 40))
    assert await gateway.holder() == "app"


@pytest.mark.parametrize("stamp", ["0", "-1", "1", "not a time", None])
async def test_a_time_that_is_none_is_the_time_of_arrival(gateway: Gateway, stamp: str | None) -> None:
    gateway.agent.answer = nothing
    await gateway.take(message(one("ZERO", "text", {"body": "Olá"}, NOW) | {"timestamp": stamp}))
    assert await gateway.sql("SELECT sent_at = created_at FROM message") == [(True,)]
    assert await gateway.sql("SELECT last_inbound_at > now() - interval '1 minute' FROM conversation") == [(True,)]


async def test_nobody_writes_in_the_future(gateway: Gateway) -> None:
    await gateway.take(message(one("FUTURE", "text", {"body": "Olá"}, NOW + 1000 * HOUR)))
    assert await gateway.sql("SELECT last_inbound_at <= now() FROM conversation") == [(True,)]


@pytest.mark.parametrize("name", ["from", "from_user_id", "id"])
async def test_an_id_that_is_too_long_to_be_one_keeps_nobody_waiting(gateway: Gateway, name: str) -> None:
    long = message(one("LONG", "text", {"body": "Olá"}, NOW) | {name: "BR." + "9" * 20_000})
    await gateway.take(long, message(one("NEXT", "text", {"body": "próxima"}, NOW)))
    assert (await gateway.outcomes())[1:] == [("done", None)]
    assert (await gateway.outcomes())[0][0] in ("done", "unknown")
    assert [row[2] for row in await gateway.messages()][-1] == "próxima"
