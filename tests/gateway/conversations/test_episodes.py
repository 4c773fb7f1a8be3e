"""Episodes: opened by what asks something, closed by a person or by silence; thanks open nothing."""

import pytest

from gateway.conversations import closing, holding, upkeep
from gateway.inbox.courtesies import is_courtesy
from gateway.store.desk import episodes
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.people import conversation, now, person


@pytest.mark.parametrize(
    "said",
    [
        "Obrigado!", "obrigadaaaa 🙏🙏", "ok", "Ok.", "valeu", "vlw 👍", "👍", "👍🏽", "❤️",
        "Muito obrigada pela atenção, até mais 😊",
        "Tá ótimo, valeu!", "era só isso, obrigada", "não, obrigado", "thanks!",
        "Thank you so much", "¡Muchas gracias!",
    ],
)  # fmt: skip
def test_thanks_are_a_courtesy(said: str) -> None:
    assert is_courtesy({"kind": "text", "text": said})


@pytest.mark.parametrize(
    "said",
    [
        "oi",
        "Bom dia",
        "ok?",
        "obrigada, e o prazo?",
        "ok, mas não chegou",
        "não",
        "sim",
        "12345",
        "?",
        "",
        " ",
        "ok" * 99,
    ],
)
def test_anything_more_is_none(said: str) -> None:
    assert not is_courtesy({"kind": "text", "text": said})


def test_other_kinds() -> None:
    assert is_courtesy({"kind": "reaction", "text": None})
    assert not is_courtesy({"kind": "image", "text": "obrigado"})


async def closed(gateway: Gateway) -> None:
    """Have a customer write, and a person take and close it."""
    await gateway.receive(text("Olá"))
    ana = await person(gateway, "Ana")
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        taken = await holding.take(conn, seen.id, ana, seen.version)
        await closing.close(conn, seen.id, ana, taken.version, reason="resolvido", satisfaction=5)


async def test_a_person_closes_an_episode_and_a_new_message_opens_another(gateway: Gateway) -> None:
    await closed(gateway)
    assert (await now(gateway)).state == "closed"
    await gateway.settle()
    assert gateway.agent.runs == []  # closed with what was in it
    await gateway.receive(text("meu pedido não chegou"))
    async with gateway.pool.connection() as conn:
        found = await episodes.of(conn, await conversation(gateway))
    assert [(one.closed_by, one.closed_by_name, one.reason, one.satisfaction) for one in found] == [
        (None, None, None, None), ("person", "Ana", "resolvido", 5),
    ]  # fmt: skip
    assert (await now(gateway)).state == "open"


async def test_thanks_after_the_end_open_nothing_but_the_agent_may_answer(gateway: Gateway) -> None:
    await closed(gateway)
    before = await now(gateway)
    await gateway.receive(text("Obrigado!"))
    assert await now(gateway) == before
    assert await gateway.sql("SELECT waits_since, last_text FROM conversation") == [(None, "Obrigado!")]
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.sql("SELECT count(*) FROM episode") == [(1,)]
    assert await now(gateway) == before


async def test_silence_closes_what_the_agent_has_and_nobody_waits_in(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE conversation SET last_at = now() - interval '25 hours'")
    async with gateway.pool.connection() as conn:
        await upkeep.keep_up(conn, 24)
        assert (await now(gateway)).state == "open"  # the customer waits for an answer
        await gateway.settle()
        await gateway.sql("UPDATE conversation SET last_at = now() - interval '25 hours'")
        await upkeep.keep_up(conn, 24)
    assert (await now(gateway)).state == "closed"
    assert await gateway.sql("SELECT opened_by, closed_by FROM episode") == [("customer", "idle")]


async def test_a_conversation_that_the_last_release_hands_over_and_back_is_right_too(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await gateway.sql("UPDATE conversation SET holder = 'person', held_since = now()")  # as its `take` did
    first = await now(gateway)
    assert first.state == "waiting"
    await gateway.sql("UPDATE conversation SET assignee_id = %s", (await person(gateway, "Ana")).id)
    await gateway.sql("UPDATE conversation SET holder = 'agent', held_since = NULL, held_until = NULL")
    back = await now(gateway)
    assert (back.state, back.assignee_id, back.version > first.version) == ("open", None, True)
