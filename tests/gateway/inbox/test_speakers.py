"""The phone app and other apps silence the agent for as long as they should."""

import pytest

from gateway.numbers.quiet_period import QuietPeriod
from gateway.store import ownership
from gateway.store.database import Connection, Pool
from tests.gateway.support.deliveries import MARIA, NUMBER, T, change, echo, message, raw_message, zoo
from tests.gateway.support.harness import Gateway, nothing


@pytest.fixture
def gateway(gateway: Gateway) -> Gateway:
    """A worker whose agent returns no replies."""
    gateway.agent.answer = nothing
    return gateway


async def now(gateway: Gateway) -> int:
    [(seconds,)] = await gateway.sql("SELECT extract(epoch FROM now())::bigint")
    return int(seconds)


async def hand_back_expired(conn: Connection) -> int:
    """Hand back what the phone app no longer holds, as housekeeping does; return how many conversations."""
    expired = await ownership.hand_back_expired(conn)
    for conversation in expired:
        await QuietPeriod(0, 0).schedule(conn, conversation)
    return len(expired)


async def test_a_message_of_the_phone_app_silences_the_agent_for_a_while(gateway: Gateway) -> None:
    await gateway.take(message(raw_message(body="Olá")), echo("Aqui é a Ana", await now(gateway)))
    assert await gateway.holder() == "app"
    await gateway.take(message(raw_message(body="obrigada, e o preço?", at=await now(gateway))))
    await gateway.settle()
    assert gateway.agent.runs == []
    await gateway.sql("UPDATE conversation SET held_until = now()")
    async with gateway.pool.connection() as conn:
        assert await hand_back_expired(conn) == 1
        assert await hand_back_expired(conn) == 0
    await gateway.settle()
    given = gateway.agent.runs[0]["input"]
    # "Olá" was answered by Ana; the model gets both, as it has got neither before
    assert [item["text"] for item in given["inbound"]] == ["Olá", "obrigada, e o preço?"]
    assert [(item["author"], item["text"]) for item in given["since"]] == [("business_app", "Aqui é a Ana")]


async def test_it_stays_silent_until_handed_back_where_the_setting_says_so(pool: Pool) -> None:
    gateway = Gateway(pool, phone_app_hold=0)
    await gateway.take(echo("Olá", await now(gateway)))
    assert await gateway.sql("SELECT holder, held_until > now() + interval '1000 years' FROM conversation") == [
        ("app", True)
    ]
    [(conversation,)] = await gateway.sql("SELECT id FROM conversation")
    async with pool.connection() as conn:
        await ownership.hand_back(conn, conversation)
    assert await gateway.holder() == "agent"


async def test_an_old_echo_silences_nobody_for_longer_than_it_says(gateway: Gateway) -> None:
    await gateway.take(echo("faz tempo", T))
    async with gateway.pool.connection() as conn:
        await hand_back_expired(conn)
    assert await gateway.holder() == "agent"


async def test_a_reaction_in_the_phone_app_silences_nobody(gateway: Gateway) -> None:
    first = raw_message()
    reaction = {"type": "reaction", "reaction": {"message_id": first["id"], "emoji": "👍"}}
    await gateway.take(message(first), echo("", await now(gateway), **reaction))
    assert await gateway.holder() == "agent"
    assert (await gateway.sql("SELECT due_at IS NOT NULL FROM conversation")) == [(True,)]


async def test_the_phone_app_does_not_take_a_conversation_from_a_person(gateway: Gateway) -> None:
    await gateway.take(message(raw_message()))
    await gateway.sql("UPDATE conversation SET holder = 'person'")
    await gateway.take(echo("Olá", await now(gateway)))
    assert await gateway.sql("SELECT holder, held_until FROM conversation") == [("person", None)]


async def test_the_phone_app_edits_and_revokes_its_own(gateway: Gateway) -> None:
    first = echo("errado", await now(gateway))
    wamid = first["entry"][0]["changes"][0]["value"]["message_echoes"][0]["id"]
    inner = {"original_message_id": wamid, "message": {"type": "text", "text": {"body": "certo"}}}
    await gateway.take(first, echo("", T * 2, type="edit", edit=inner))
    assert await gateway.agents_view() == ["certo"]
    await gateway.take(echo("", T * 2, type="revoke", revoke={"original_message_id": wamid}))
    assert await gateway.agents_view() == []


def standby(at: int, body: str = "Olá") -> dict[str, object]:
    return change({"standby": {"messages": [raw_message(body=body, at=at)]}}, "standby")


def handover(at: int, *, ours: bool) -> dict[str, object]:
    roles = ("ai_agent", "escalation") if ours else ("escalation", "ai_agent")
    return change(
        {
            "recipient": {"phone_number_id": NUMBER}, "sender": {"phone_number": MARIA}, "timestamp": str(at),
            "type": "control_passed",
            "control_passed": {"previous_owner_role": roles[0], "new_owner_role": roles[1]},
        },
        "messaging_handovers",
    )  # fmt: skip


async def test_while_another_app_has_the_thread_the_agent_is_silent_and_answers_when_it_is_back(
    gateway: Gateway,
) -> None:
    await gateway.take(standby(T, "quero uma pessoa"))
    await gateway.settle()
    assert (await gateway.holder(), gateway.agent.runs) == ("app", [])
    await gateway.take(handover(T + 10, ours=True))
    assert await gateway.holder() == "agent"
    await gateway.settle()
    assert [item["text"] for item in gateway.agent.runs[0]["input"]["inbound"]] == ["quero uma pessoa"]


async def test_what_the_other_app_said_is_told_and_counts_as_an_answer(gateway: Gateway) -> None:
    await gateway.take(standby(T), zoo("standby", "echo_of_metas_agent"), message(raw_message(body="alô?", at=T + 60)))
    await gateway.settle()
    given = gateway.agent.runs[0]["input"]
    assert [(item["author"], item["text"]) for item in given["since"]] == [("business_app", "Posso ajudar?")]
    assert given["inbound"][-1]["text"] == "alô?"


CONTROL = {
    "standby": standby(T),
    "lost": handover(T + 10, ours=False),
    "returned": handover(T + 20, ours=True),
    "to us": message(raw_message(at=T + 30)),
}


@pytest.mark.parametrize(
    ("told", "holder"),
    [
        (["standby"], "app"), (["lost"], "app"), (["standby", "to us"], "agent"), (["to us", "standby"], "agent"),
        (["returned", "lost"], "agent"), (["lost", "returned"], "agent"), (["returned", "standby"], "agent"),
        (["to us", "lost"], "agent"), (["lost", "standby", "returned"], "agent"), (["standby", "lost"], "app"),
    ],
)  # fmt: skip
async def test_the_last_word_on_control_counts_in_whatever_order_they_come(
    gateway: Gateway, told: list[str], holder: str
) -> None:
    await gateway.take(*(CONTROL[name] for name in told))
    assert await gateway.holder() == holder


async def test_a_handover_that_does_not_tell_changes_nothing(gateway: Gateway) -> None:
    unclear = handover(T, ours=True)
    value = unclear["entry"][0]["changes"][0]["value"]  # type: ignore[index]
    value["type"], value["something_else"] = "something_else", {}
    del value["control_passed"]
    await gateway.take(unclear)
    assert [state for state, _ in await gateway.outcomes()] == ["ignored"]


async def test_what_the_agent_has_queued_is_not_sent_once_another_app_has_the_thread(gateway: Gateway) -> None:
    await gateway.take(message(raw_message(at=T)))
    await gateway.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'agent', 'text', '{"type": "text", "text": "x"}', 'queued', now() FROM conversation"""
    )
    await gateway.take(handover(T + 10, ours=False))
    assert await gateway.sql("SELECT status FROM message WHERE direction = 'out'") == [("failed",)]
