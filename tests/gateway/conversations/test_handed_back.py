"""A conversation returns to the agent: a customer whom nobody has answered gets an answer, unless a person says no."""

from typing import Any

import pytest

from gateway.conversations import closing, holding, numbers, writing
from gateway.housekeeping import Ages, Housekeeping
from gateway.store.desk.standing import Standing
from gateway.store.people.people import Person
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import NO_QUIET, Gateway, nothing
from tests.gateway.support.meta import status
from tests.gateway.support.people import now, person


async def taken_from_the_agent(gateway: Gateway, *, ended: bool) -> Person:
    """Have a person take the conversation while the agent's turn is open (ended: after it, before its send)."""
    ana = await person(gateway, "Ana")
    if not ended:
        gateway.agent.gate.clear()
    await gateway.receive(text("Que horas fecha?"))
    if ended:
        await gateway.settle()
    else:
        await gateway.turns.step()
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.take(conn, seen.id, ana, seen.version)
    gateway.agent.gate.set()
    await gateway.settle()
    return ana


async def back(gateway: Gateway, ana: Person, **more: Any) -> Standing:
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        return await holding.hand_back(conn, seen.id, ana, seen.version, NO_QUIET, **more)


async def asked(gateway: Gateway) -> list[tuple[list[str], str | None]]:
    """Return the texts and the unsent turn of each run, in order."""
    given = [run["input"] for run in reversed(gateway.agent.runs)]
    return [([item["text"] for item in one["inbound"]], one["unsent"]) for one in given]


async def test_a_turn_that_a_person_silenced_is_asked_again_after_they_hand_back(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    [(first,)] = await gateway.sql("SELECT id::text FROM turn")
    await back(gateway, ana)
    assert await gateway.sql("SELECT waits_since IS NOT NULL FROM conversation") == [(True,)]
    await gateway.settle()
    assert await asked(gateway) == [(["Que horas fecha?"], None), (["Que horas fecha?"], first)]
    await gateway.send()
    assert len(gateway.meta.bodies) == 1
    assert await gateway.sql("SELECT waits_since FROM conversation") == [(None,)]


async def test_queued_replies_that_were_silenced_are_asked_for_again(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=True)
    await back(gateway, ana)
    await gateway.settle()
    assert [texts for texts, _ in await asked(gateway)] == [["Que horas fecha?"], ["Que horas fecha?"]]
    await gateway.send()
    assert len(gateway.meta.bodies) == 1
    await taken_and_back_again(gateway, ana)
    assert len(gateway.agent.runs) == 2  # answered now: no turn follows


async def taken_and_back_again(gateway: Gateway, ana: Person) -> None:
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.take(conn, seen.id, ana, seen.version)
    await back(gateway, ana)
    await gateway.settle()


async def test_what_the_person_answered_is_not_answered_again(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await writing.send(conn, seen.id, ana, [{"type": "text", "text": "Às 18 h."}])
    await back(gateway, ana)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1


async def answered(gateway: Gateway, ana: Person) -> None:
    """Have a person answer; Meta accepts it."""
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await writing.send(conn, seen.id, ana, [{"type": "text", "text": "Às 18 h."}])
    await gateway.send()


async def fail_last(gateway: Gateway, code: int | None) -> None:
    """Have Meta's status come that the last message, which it had accepted, failed."""
    error = {"code": code, "title": "words"}
    await gateway.receive(statuses=[status("failed", f"wamid.OUT{len(gateway.meta.bodies)}", errors=[error])])


async def keep_house(gateway: Gateway) -> None:
    await Housekeeping(gateway.pool, gateway.sender, NO_QUIET, Ages()).step()
    assert await gateway.sql("SELECT FROM failed_answer") == []


@pytest.mark.parametrize("asked_before", [True, False], ids=["before the person took it", "after"])
@pytest.mark.parametrize(
    ("code", "given_up", "runs"), [(131026, False, 2), (131047, False, 1), (None, True, 1)],
    ids=["failed", "outside the hours", "given up in doubt"],
)  # fmt: skip
async def test_an_answer_of_a_person_that_meta_failed_is_none(
    gateway: Gateway, code: int | None, given_up: bool, runs: int, asked_before: bool
) -> None:
    if asked_before:
        ana = await taken_from_the_agent(gateway, ended=False)
    else:
        gateway.agent.answer = nothing
        ana = await taken_from_the_agent(gateway, ended=True)
        await gateway.receive(text("E no sábado?"))
    await answered(gateway, ana)
    if given_up:
        await gateway.sql(
            "UPDATE message SET status = 'failed', uncertain_at = now() WHERE author = 'person' RETURNING 1"
        )
    else:
        await fail_last(gateway, code)
    assert await gateway.sql("SELECT status, error_code FROM message WHERE author = 'person'") == [("failed", code)]
    await back(gateway, ana)
    await gateway.settle()
    assert len(gateway.agent.runs) == runs
    if runs == 2:
        assert gateway.agent.runs[0]["input"]["since"] == []
    if given_up:  # it may have arrived: the agent has to know of it
        gateway.agent.answer = nothing
        await gateway.receive(text("E no domingo?"))
        await gateway.settle()
        assert [one["text"] for one in gateway.agent.runs[0]["input"]["since"]] == ["Às 18 h."]


@pytest.mark.parametrize("asked_before", [True, False], ids=["before the person took it", "after"])
@pytest.mark.parametrize(("code", "runs"), [(131026, 2), (131047, 1)], ids=["failed", "outside the hours"])
async def test_an_answer_that_meta_fails_after_the_hand_back_is_none(
    gateway: Gateway, code: int, runs: int, asked_before: bool
) -> None:
    gateway.agent.answer = nothing
    ana = await taken_from_the_agent(gateway, ended=not asked_before)
    if not asked_before:
        await gateway.receive(text("E no sábado?"))
    await answered(gateway, ana)
    await back(gateway, ana)
    await fail_last(gateway, code)
    assert await gateway.sql("SELECT waits_since FROM conversation") == [(None,)]
    await keep_house(gateway)
    assert await gateway.sql("SELECT waits_since IS NOT NULL FROM conversation") == [(runs == 2,)]
    await gateway.settle()
    assert len(gateway.agent.runs) == runs
    await fail_last(gateway, code)  # delivered again
    await keep_house(gateway)
    await gateway.settle()
    assert len(gateway.agent.runs) == runs


@pytest.mark.parametrize("asked_before", [True, False], ids=["before the person took it", "after"])
async def test_a_customer_whose_answer_fails_waits_for_the_person_again(gateway: Gateway, asked_before: bool) -> None:
    gateway.agent.answer = nothing
    ana = await taken_from_the_agent(gateway, ended=not asked_before)
    if not asked_before:
        await gateway.receive(text("E no sábado?"))
    [(since,)] = await gateway.sql("SELECT max(created_at) FROM message WHERE direction = 'in'")
    await answered(gateway, ana)
    await fail_last(gateway, 131026)
    await keep_house(gateway)
    assert await gateway.sql("SELECT waits_since, holder FROM conversation") == [(since, "person")]
    await answered(gateway, ana)
    assert await gateway.sql("SELECT waits_since FROM conversation") == [(None,)]
    await gateway.settle()
    assert len(gateway.agent.runs) == 1


async def test_an_answer_that_arrived_after_all_is_one(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    await answered(gateway, ana)
    await back(gateway, ana)
    await fail_last(gateway, 131026)
    await gateway.receive(statuses=[status("delivered", f"wamid.OUT{len(gateway.meta.bodies)}")])
    await keep_house(gateway)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1


@pytest.mark.parametrize("asked_before", [True, False], ids=["before the person took it", "after"])
async def test_a_failed_answer_of_a_closed_matter_opens_nothing(gateway: Gateway, asked_before: bool) -> None:
    gateway.agent.answer = nothing
    ana = await taken_from_the_agent(gateway, ended=not asked_before)
    if not asked_before:
        await gateway.receive(text("E no sábado?"))
    await answered(gateway, ana)
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await closing.close(conn, seen.id, ana, seen.version)
    await fail_last(gateway, 131026)
    await keep_house(gateway)
    assert await gateway.sql("SELECT waits_since, closed_at IS NOT NULL FROM conversation") == [(None, True)]
    await gateway.settle()
    assert len(gateway.agent.runs) == 1


async def test_a_conversation_that_was_put_aside_is_shown_again_where_its_answer_fails(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    await answered(gateway, ana)
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.snooze(conn, seen.id, ana, seen.version, None)
    assert (await now(gateway)).state == "snoozed"
    await fail_last(gateway, 131026)
    await keep_house(gateway)
    assert (await now(gateway)).state == "taken"
    assert await gateway.sql("SELECT waits_since IS NOT NULL FROM conversation") == [(True,)]


async def test_a_quiet_hand_back_stays_quiet_where_the_answer_fails(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    await answered(gateway, ana)
    await gateway.receive(text("E no sábado?"))
    await back(gateway, ana, answers=False)
    await fail_last(gateway, 131026)
    await keep_house(gateway)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.sql("SELECT waits_since, due_at FROM conversation") == [(None, None)]


async def test_handed_back_quietly_the_agent_waits_for_the_customer_and_then_knows_all(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    await back(gateway, ana, answers=False)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    assert await gateway.sql("SELECT waits_since, due_at FROM conversation") == [(None, None)]
    gateway.agent.answer = nothing
    await gateway.receive(text("E no sábado?"))
    await gateway.settle()
    assert (await asked(gateway))[-1][0] == ["Que horas fecha?", "E no sábado?"]


async def test_a_closed_matter_is_settled(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await closing.close(conn, seen.id, ana, seen.version)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1


async def test_a_handoff_names_the_department(gateway: Gateway) -> None:
    handoff = {"reason": "pediu", "summary": "", "department": " Pedidos "}
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [], "handoff": handoff}
    await gateway.receive(text("quero uma pessoa"))
    await gateway.settle()
    assert (await now(gateway)).department == "Pedidos"
    assert await gateway.sql("SELECT version > 0 FROM conversation") == [(True,)]


async def test_a_person_confirms_a_number_and_the_audit_knows_who_but_not_which(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE contact_key SET doubt = 'unverified' WHERE kind = 'wa_id' RETURNING 1")
    ana, seen = await person(gateway, "Ana"), await now(gateway)
    async with gateway.pool.connection() as conn:
        await numbers.confirm(conn, seen.id, ana)
    assert await gateway.sql("SELECT doubt FROM contact_key WHERE kind = 'wa_id'") == [(None,)]
    [(action, detail)] = await gateway.sql("SELECT action, detail FROM audit")
    assert (action, detail) == ("number confirmed", {})
