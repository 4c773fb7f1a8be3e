"""A conversation returns to the agent: a customer whom nobody has answered gets an answer, unless a person says no."""

from typing import Any

import pytest

from gateway.conversations import closing, holding, numbers, writing
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


def failed_last(gateway: Gateway, code: int) -> dict[str, Any]:
    """Return Meta's status that the last message, which it had accepted, failed."""
    error = {"code": code, "title": "words"}
    return status("failed", f"wamid.OUT{len(gateway.meta.bodies)}", errors=[error])


@pytest.mark.parametrize("later", [False, True], ids=["before the hand-back", "after it"])
async def test_an_answer_of_a_person_that_could_not_be_sent_is_none(gateway: Gateway, later: bool) -> None:
    ana = await person(gateway, "Ana")
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await gateway.send()
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await holding.take(conn, seen.id, ana, seen.version)
    await gateway.receive(text("Que horas fecha?"))
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await writing.send(conn, seen.id, ana, [{"type": "text", "text": "Às 18 h."}])
    await gateway.send()
    if later:
        await back(gateway, ana)
    assert await gateway.sql("SELECT waits_since FROM conversation") == [(None,)]
    await gateway.receive(statuses=[failed_last(gateway, 131026)])
    assert await gateway.sql("SELECT waits_since IS NOT NULL FROM conversation") == [(True,)]
    if not later:
        await back(gateway, ana)
    await gateway.settle()
    assert [texts for texts, _ in await asked(gateway)] == [["Olá"], ["Que horas fecha?"]]


async def test_outside_metas_hours_a_person_has_answered(gateway: Gateway) -> None:
    ana = await taken_from_the_agent(gateway, ended=False)
    seen = await now(gateway)
    async with gateway.pool.connection() as conn:
        await writing.send(conn, seen.id, ana, [{"type": "text", "text": "Às 18 h."}])
    await gateway.send()
    await gateway.receive(statuses=[failed_last(gateway, 131047)])
    await back(gateway, ana)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1


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
