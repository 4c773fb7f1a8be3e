"""While a person holds a conversation the agent is silent; afterwards it knows the messages of that time."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from gateway.conversations import holding, writing
from gateway.conversations.checks import locked
from gateway.store import ownership
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import NO_QUIET, Gateway, until


async def conversation(gateway: Gateway) -> UUID:
    return (await gateway.sql("SELECT id FROM conversation"))[0][0]


async def say_as_person(gateway: Gateway, said: str) -> None:
    conversation_id = await conversation(gateway)
    async with gateway.pool.connection() as conn:
        found = await locked(conn, conversation_id, None)
        await holding.take(conn, conversation_id, None, found.version)
        await writing.send(conn, conversation_id, None, [{"type": "text", "text": said}])


async def hand_back(gateway: Gateway) -> None:
    conversation_id = await conversation(gateway)
    async with gateway.pool.connection() as conn:
        await ownership.hand_back(conn, conversation_id)
        await NO_QUIET.schedule(conn, conversation_id)


async def test_a_handoff_sends_its_replies_and_silences_the_agent(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {
        "turn_id": given["turn_id"],
        "replies": [{"type": "text", "text": "Vou chamar alguém."}],
        "handoff": {"reason": "pediu uma pessoa", "summary": "quer trocar a lente"},
    }
    await gateway.receive(text("quero falar com uma pessoa"))
    await gateway.settle()
    assert await gateway.replies() == ["Vou chamar alguém."]
    await gateway.receive(text("alô?"))
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    async with gateway.pool.connection() as conn:
        [held] = await ownership.held(conn)
    assert (held.reason, held.summary, held.last_text) == ("pediu uma pessoa", "quer trocar a lente", "alô?")
    assert held.waits_since is not None


async def test_a_person_who_takes_over_in_mid_turn_silences_its_answer(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    await say_as_person(gateway, "Aqui é a Ana.")
    gateway.agent.gate.set()
    await until(lambda: not gateway.turns._held)
    assert await gateway.replies() == ["Aqui é a Ana."]
    assert await gateway.sql("SELECT state FROM turn") == [("done",)]


async def test_what_the_agent_has_queued_is_not_sent_any_more(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await say_as_person(gateway, "Aqui é a Ana.")
    rows = await gateway.sql("SELECT author, status FROM message WHERE direction = 'out' ORDER BY seq")
    assert rows == [("agent", "failed"), ("person", "queued")]


async def test_handed_back_the_agent_answers_what_nobody_has_and_knows_what_was_said(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await say_as_person(gateway, "Aqui é a Ana.")
    await gateway.receive(text("e o meu pedido?"))
    await hand_back(gateway)
    await gateway.settle()
    last = gateway.agent.runs[0]["input"]
    assert [item["text"] for item in last["inbound"]] == ["e o meu pedido?"]
    assert [(item["author"], item["text"]) for item in last["since"]] == [("person", "Aqui é a Ana.")]
    await gateway.receive(text("obrigada"))
    await gateway.settle()
    assert gateway.agent.runs[0]["input"]["since"] == []


async def test_the_agent_learns_that_nobody_read_its_last_answer(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await say_as_person(gateway, "Aqui é a Ana.")  # before the answer went out
    await gateway.receive(text("e o meu pedido?"))
    await hand_back(gateway)
    await gateway.settle()
    first, second = (run["input"] for run in reversed(gateway.agent.runs))
    assert (first["unsent"], second["unsent"]) == (None, first["turn_id"])
    await gateway.sql("UPDATE message SET status = 'sent' WHERE author = 'agent' AND status = 'queued' RETURNING 1")
    await gateway.receive(text("obrigada"))
    await gateway.settle()
    assert gateway.agent.runs[0]["input"]["unsent"] is None


@pytest.mark.parametrize(
    ("left", "early"),
    [
        ("status = 'queued'", True),
        ("status = 'uncertain', sent_at = NULL", True),
        ("status = 'accepted', sent_at = now() + interval '10 s'", True),
        ("status = 'failed'", True),
        ("status = 'accepted', sent_at = now() - interval '10 s'", False),
        ("status = 'read', sent_at = now()", False),
    ],
)
async def test_the_agent_learns_that_the_customer_wrote_before_the_last_answer_had_left(
    gateway: Gateway, left: str, early: bool
) -> None:
    await gateway.receive(text("cancela o pedido"))
    await gateway.settle()
    await gateway.sql(f"UPDATE message SET {left} WHERE author = 'agent' RETURNING 1")
    await gateway.receive(text("ok"))
    await gateway.settle()
    told = gateway.agent.runs[0]["input"]
    assert (told["early"], told["unsent"] is not None) == (early, "failed" in left)


@pytest.mark.parametrize(("lost", "verbatim"), [(0, True), (1, True), (0, False)])
async def test_a_question_of_which_a_part_did_not_arrive_counts_as_never_asked(
    gateway: Gateway, lost: int, verbatim: bool
) -> None:
    """Otherwise a tap on the part that arrived would accept a part that the customer never saw."""
    parts = [{"type": "text", "text": str(part)} | ({"verbatim": True} if verbatim else {}) for part in range(2)]
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": parts}
    await gateway.receive(text("abra um chamado"))
    await gateway.settle()
    await gateway.sql("UPDATE message SET status = 'read', sent_at = now() WHERE author = 'agent' RETURNING 1")
    await gateway.sql(f"UPDATE message SET status = 'failed' WHERE author = 'agent' AND part = {lost} RETURNING 1")
    await gateway.receive(text("sim"))
    await gateway.settle()
    assert (gateway.agent.runs[0]["input"]["unsent"] is not None) == verbatim


async def test_what_a_person_has_answered_waits_for_the_customers_next_word(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await gateway.sql("UPDATE conversation SET holder = 'person' RETURNING 1")
    await gateway.receive(text("qual o horário?"))
    await say_as_person(gateway, "Das 9 às 18.")
    await hand_back(gateway)
    await gateway.settle()
    assert len(gateway.agent.runs) == 1
    await gateway.receive(text("obrigada"))
    await gateway.settle()
    last = gateway.agent.runs[0]["input"]
    assert [item["text"] for item in last["inbound"]] == ["qual o horário?", "obrigada"]
    assert [item["text"] for item in last["since"]] == ["Das 9 às 18."]


async def test_a_turn_left_by_a_dead_worker_says_nothing_after_a_person_was_there(gateway: Gateway) -> None:
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await until(lambda: len(gateway.agent.runs) == 1)
    for held in gateway.turns._held:
        held.task.cancel()
    await gateway.sql("UPDATE conversation SET lease_until = now() RETURNING 1")
    await say_as_person(gateway, "Aqui é a Ana.")
    await hand_back(gateway)
    gateway.agent.gate.set()
    await gateway.settle(gateway.worker())
    assert await gateway.replies() == ["Aqui é a Ana."]


async def test_the_commands(gateway: Gateway, database: str, tmp_path: Path) -> None:
    await gateway.receive(text("quero falar com uma pessoa"))
    conversation_id = str(await conversation(gateway))

    def cli(*arguments: str) -> tuple[int, str]:
        environment = {"DATABASE_URL": database, "PYTHONPATH": str(Path.cwd())}
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout + run.stderr

    assert cli("conversations") == (0, "")
    code, said = cli("reply", conversation_id, "Aqui é a Ana.")
    assert (code, "hand-back" in said) == (0, True)
    assert await gateway.replies() == ["Aqui é a Ana."]
    code, said = cli("conversations")
    assert conversation_id in said
    assert "Maria" in said
    assert cli("hand-back", conversation_id) == (0, "the agent answers there again\n")
    unknown = "00000000-0000-0000-0000-000000000000"
    assert cli("reply", unknown, "x")[0] == 1
    code, said = cli("hand-back", unknown)
    assert (code, said.startswith(f"gateway: there is no conversation {unknown}")) == (1, True)
