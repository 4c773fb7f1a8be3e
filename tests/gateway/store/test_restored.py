"""After a restore nothing that the backup holds as under way goes on by itself, and people see where it stood."""

import pytest

from gateway.conversations import holding
from gateway.store import restored
from gateway.store.database import WAKEUPS
from gateway.store.outbox import doubts
from tests.gateway.conversations.test_handed_back import answered, back, fail_last, taken_from_the_agent
from tests.gateway.support.deliveries import payload, text
from tests.gateway.support.harness import NO_QUIET, Gateway, until
from tests.gateway.support.people import now


@pytest.fixture
def database_role() -> str:
    """Return the role that the command has in production."""
    return "wa_gateway"


async def finish(gateway: Gateway) -> restored.Finished:
    async with gateway.pool.connection() as conn:
        return await restored.finish(conn, "do backup")


async def test_messages_to_be_sent_become_uncertain_and_are_never_sent_by_themselves(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await gateway.queue("mais uma")
    await gateway.sql("UPDATE message SET status = 'sending', lease_until = now() WHERE content->>'text' = 'mais uma'")
    done = await finish(gateway)
    assert (done.messages, done.conversations) == (2, 1)
    assert await gateway.statuses() == ["uncertain", "uncertain"]
    async with gateway.pool.connection() as conn:
        await doubts.expire(conn, 0, resend=True, attempts=3)
    await gateway.send()
    assert await gateway.statuses() == ["failed", "failed"]


async def test_conversations_with_an_open_turn_wait_for_a_person_with_the_reason(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("INSERT INTO turn (conversation_id) SELECT id FROM conversation")
    done = await finish(gateway)
    assert (done.turns, done.conversations) == (1, 1)
    assert await gateway.sql("SELECT state, error FROM turn") == [("done", "restored")]
    assert await gateway.sql("SELECT state, handoff_reason, waits_since IS NULL FROM conversation") == [
        ("waiting", "do backup", False)
    ]
    await gateway.settle()
    assert await gateway.sql("SELECT count(*) FROM turn") == [(1,)]  # the agent is silent


async def test_a_customer_who_waits_for_the_agent_waits_for_a_person(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    assert (await finish(gateway)).conversations == 1
    assert (await now(gateway)).state == "waiting"


async def test_the_agent_answers_a_cut_turn_once_a_person_hands_the_conversation_back(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await finish(gateway)
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    standing = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.hand_back(conn, standing.id, None, standing.version, NO_QUIET)
    assert await gateway.sql("SELECT awaits FROM message WHERE direction = 'in'") == [(True,)]


async def test_a_customer_whose_answer_by_a_person_had_just_failed_waits_for_a_person(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    await answered(gateway, ana)
    await back(gateway, ana)
    await fail_last(gateway, 131026)
    assert (await finish(gateway)).conversations == 1
    assert (await now(gateway)).state == "waiting"
    assert await finish(gateway) == restored.Finished(0, 0, 0, 0)


async def test_items_that_were_not_taken_in_stay_for_a_replay(gateway: Gateway) -> None:
    await gateway.keep(payload(text("Olá")))
    assert (await finish(gateway)).events == 1
    assert await gateway.sql("SELECT state, note FROM event") == [("failed", "restored")]


async def test_a_second_call_changes_nothing(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await finish(gateway)
    before = await gateway.sql("SELECT version FROM conversation")
    assert await finish(gateway) == restored.Finished(0, 0, 0, 0)
    assert await gateway.sql("SELECT version FROM conversation") == before


async def test_it_is_refused_while_a_worker_runs(gateway: Gateway) -> None:
    async with gateway.pool.connection() as conn:
        await conn.execute(f"SET application_name = '{WAKEUPS}'")
        with pytest.raises(restored.WorkersLiveError):
            await restored.finish(conn, "")
        await conn.execute("RESET application_name")
