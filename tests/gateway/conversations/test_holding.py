"""A person takes a conversation by what they saw of it: one wins, and the agent says nothing from then on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.conversations import closing, holding, labels, upkeep, writing
from gateway.conversations.errors import (
    ChangedError,
    NewerMessageError,
    NotHolderError,
    TakenByOtherError,
    UnseenDepartmentError,
)
from gateway.store.database import Pool
from gateway.store.people import people
from gateway.store.people.people import Role
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import NO_QUIET, Gateway, nothing
from tests.gateway.support.people import now, person

HANDOFF = {"reason": "pediu uma pessoa", "summary": "quer trocar a lente"}


async def called(gateway: Gateway, said: str = "quero uma pessoa") -> None:
    """Have the agent call a person."""
    gateway.agent.answer = lambda given: {
        "turn_id": given["turn_id"],
        "replies": [{"type": "text", "text": "Vou chamar alguém."}],
        "handoff": HANDOFF,
    }
    await gateway.receive(text(said))
    await gateway.settle()


async def test_a_handoff_waits_for_a_person_and_its_last_words_are_sent(gateway: Gateway) -> None:
    await called(gateway)
    assert (await now(gateway)).state == "waiting"
    assert await gateway.sql("SELECT waits_since = held_since, handoff_reason FROM conversation") == [
        (True, "pediu uma pessoa")
    ]
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]


async def test_whoever_comes_first_has_it_and_the_other_one_sees_who(gateway: Gateway) -> None:
    await called(gateway)
    ana, rui = await person(gateway, "Ana"), await person(gateway, "Rui")
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        taken = await holding.take(conn, seen.id, ana, seen.version)
        assert (taken.state, taken.assignee_name) == ("taken", "Ana")
        assert await holding.take(conn, seen.id, ana, seen.version) == taken  # pressed twice
        with pytest.raises(TakenByOtherError) as lost:
            await holding.take(conn, seen.id, rui, seen.version)
        assert (lost.value.winner, lost.value.standing.version) == ("Ana", taken.version)
        over = await holding.take(conn, seen.id, rui, taken.version, from_person=ana.id)
    assert (over.assignee_name, over.version > taken.version) == ("Rui", True)
    actions = await gateway.sql("SELECT action, person_name FROM audit ORDER BY id")
    assert actions == [("taken", "Ana"), ("taken over", "Rui")]


async def test_two_people_press_at_once_a_hundred_times(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    both = [await person(gateway, "Ana"), await person(gateway, "Rui")]
    seen = await now(gateway)

    async def press(pool: Pool, n: int) -> str:
        async with pool.connection() as conn:
            try:
                return (await holding.take(conn, seen.id, both[n], seen.version)).assignee_name or ""
            except TakenByOtherError as error:
                return f"not I, but {error.winner}"

    for _ in range(100):
        outcomes = await asyncio.gather(press(gateway.pool, 0), press(gateway.pool, 1))
        [winner] = [name for name in outcomes if not name.startswith("not")]
        assert set(outcomes) == {winner, f"not I, but {winner}"}
        async with gateway.pool.connection() as conn:
            have = await now(gateway)
            seen = await holding.hand_back(conn, have.id, both[winner == "Rui"], have.version, NO_QUIET)


async def test_no_send_of_the_agent_begins_after_a_takeover(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    ana = await person(gateway, "Ana")
    async with gateway.pool.connection() as conn:
        [message] = await gateway.sender._claim(conn, 10)  # it waits in the limiter now
        seen = await now(gateway)
        await holding.take(conn, seen.id, ana, seen.version)
    await gateway.sender._send(message)
    assert gateway.meta.bodies == []
    error = "not sent: the agent no longer holds the conversation"
    assert await gateway.sql("SELECT status, error FROM message WHERE direction = 'out'") == [("failed", error)]
    assert (await gateway.sql("SELECT waits_since IS NOT NULL FROM conversation")) == [(True,)]  # nobody answered


async def test_the_fallback_of_a_persons_message_is_sent_although_they_hold_it(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    ana = await person(gateway, "Ana")
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.take(conn, seen.id, ana, seen.version)
        [said] = await writing.send(conn, seen.id, ana, [{"type": "text", "text": "Oi"}])
    await gateway.send()
    await gateway.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, replaces, status, send_at)
           VALUES (%s, 'out', 'gateway', 'template', '{"type": "template", "name": "x", "language": "pt_BR"}', %s,
                   'queued', now())""",
        seen.id, said,
    )  # fmt: skip
    await gateway.send()
    assert [body["type"] for body in gateway.meta.bodies] == ["text", "template"]


async def test_only_who_has_it_sends_and_only_having_seen_the_newest(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    ana, rui = await person(gateway, "Ana"), await person(gateway, "Rui")
    seen = await now(gateway)
    oi = [{"type": "text", "text": "Oi"}]
    async with gateway.pool.connection() as conn:
        with pytest.raises(NotHolderError):
            await writing.send(conn, seen.id, ana, oi)
        await holding.take(conn, seen.id, ana, seen.version)
        with pytest.raises(NotHolderError):
            await writing.send(conn, seen.id, rui, oi)
        await writing.note(conn, seen.id, rui, "ela é cliente antiga")
    await gateway.receive(text("alô?"))
    async with gateway.pool.connection() as conn:
        with pytest.raises(NewerMessageError) as error:
            await writing.send(conn, seen.id, ana, oi, last_seen=1)
        await writing.send(conn, seen.id, ana, oi, last_seen=error.value.newest)
    assert await gateway.sql("SELECT p.name FROM message m JOIN person p ON p.id = m.person_id") == [("Ana",)]
    assert await gateway.sql("SELECT waits_since, last_text FROM conversation") == [(None, "Oi")]


async def test_handed_back_the_agent_answers_what_nobody_has(gateway: Gateway) -> None:
    await called(gateway)
    ana = await person(gateway, "Ana")
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.take(conn, seen.id, ana, seen.version)
        await writing.send(conn, seen.id, ana, [{"type": "text", "text": "Aqui é a Ana."}])
    await gateway.receive(text("e o prazo?"))
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        back = await holding.hand_back(conn, seen.id, ana, seen.version, NO_QUIET)
    assert (back.state, back.assignee_id) == ("open", None)
    gateway.agent.answer = nothing
    await gateway.settle()
    given = gateway.agent.runs[0]["input"]
    assert [item["text"] for item in given["inbound"]] == ["e o prazo?"]
    assert [item["text"] for item in given["since"]] == ["Aqui é a Ana."]
    assert await gateway.sql("SELECT waits_since FROM conversation") == [(None,)]


async def test_a_snooze_ends_by_its_time_or_by_a_message(gateway: Gateway) -> None:
    await called(gateway)
    ana = await person(gateway, "Ana")
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        seen = await holding.take(conn, seen.id, ana, seen.version)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        seen = await holding.snooze(conn, seen.id, ana, seen.version, tomorrow)
        assert seen.state == "snoozed"
        await gateway.sql("UPDATE conversation SET snoozed_until = now()")
        await upkeep.wake_due(conn)
        seen = await now(gateway)
        assert (seen.state, seen.assignee_name) == ("taken", "Ana")
        seen = await holding.snooze(conn, seen.id, ana, seen.version, None)
    await gateway.receive(text("voltei"))
    assert (await now(gateway)).state == "taken"


async def test_a_decision_about_what_has_changed_is_refused_and_one_can_be_undone(gateway: Gateway) -> None:
    await called(gateway)
    ana, boss = await person(gateway, "Ana"), await person(gateway, "Eva", Role.MANAGER)
    before = await now(gateway)
    async with gateway.pool.connection() as conn:
        after = await holding.assign(conn, before.id, boss, before.version, ana.id)
        with pytest.raises(ChangedError):
            await closing.close(conn, before.id, boss, before.version)
        undone = await closing.restore(conn, before.id, boss, after.version, before, NO_QUIET)
        assert (undone.state, undone.assignee_id) == ("waiting", None)
        closed = await closing.close(conn, before.id, boss, undone.version, reason="resolvido")
        again = await closing.restore(conn, before.id, boss, closed.version, undone, NO_QUIET)
    assert again.state == "waiting"
    assert await gateway.sql("SELECT closed_at, reason FROM episode") == [(None, None)]


async def test_nobody_has_a_conversation_of_a_department_that_they_do_not_see(gateway: Gateway) -> None:
    await called(gateway)
    ana, davi = await person(gateway, "Ana"), await person(gateway, "Davi", departments=["pedidos"])
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        seen = await labels.set_department(conn, seen.id, ana, seen.version, "vendas")
        with pytest.raises(UnseenDepartmentError):
            await holding.assign(conn, seen.id, ana, seen.version, davi.id)
        seen = await labels.set_department(conn, seen.id, ana, seen.version, "pedidos")
        seen = await holding.assign(conn, seen.id, ana, seen.version, davi.id)
        assert (seen.state, seen.assignee_id) == ("taken", davi.id)
        seen = await labels.set_department(conn, seen.id, davi, seen.version, None)
        assert (seen.state, seen.assignee_id) == ("taken", davi.id)
        seen = await labels.set_department(conn, seen.id, davi, seen.version, "vendas")
    assert (seen.state, seen.assignee_id) == ("waiting", None)
    assert await gateway.sql("SELECT waits_since IS NOT NULL FROM conversation") == [(True,)]


@pytest.mark.parametrize("change", ["disabled", "viewer", "of another department"])
async def test_a_conversation_waits_again_once_its_person_may_not_attend_to_it(gateway: Gateway, change: str) -> None:
    await called(gateway)
    ana, seen = await person(gateway, "Ana"), await now(gateway)
    async with gateway.pool.connection() as conn:
        seen = await labels.set_department(conn, seen.id, ana, seen.version, "vendas")
        await holding.take(conn, seen.id, ana, seen.version)
        await people.change(conn, ana.id, "Ana Lima", Role.ATTENDANT, ["vendas"], masks_numbers=True)
        assert (await now(gateway)).state == "taken"
        if change == "disabled":
            await people.disable(conn, ana.id)
        else:
            role, departments = (Role.VIEWER, None) if change == "viewer" else (Role.ATTENDANT, ["pedidos"])
            await people.change(conn, ana.id, "Ana", role, departments, masks_numbers=True)
    after = await now(gateway)
    assert (after.state, after.assignee_id) == ("waiting", None)
