"""While a person holds a conversation the agent is silent; afterwards it knows the messages of that time."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from gateway.store import ownership
from tests.gateway.support.bench import NO_QUIET, Bench, until
from tests.gateway.support.deliveries import text


async def conversation(bench: Bench) -> UUID:
    return (await bench.rows("SELECT id FROM conversation"))[0][0]


async def say_as_person(bench: Bench, said: str) -> None:
    conversation_id = await conversation(bench)
    async with bench.pool.connection() as conn:
        await ownership.reply(conn, conversation_id, {"type": "text", "text": said})


async def hand_back(bench: Bench) -> None:
    conversation_id = await conversation(bench)
    async with bench.pool.connection() as conn:
        await ownership.hand_back(conn, conversation_id, NO_QUIET)


async def test_a_handoff_sends_its_replies_and_silences_the_agent(bench: Bench) -> None:
    bench.server.answer = lambda given: {
        "turn_id": given["turn_id"],
        "replies": [{"type": "text", "text": "Vou chamar alguém."}],
        "handoff": {"reason": "pediu uma pessoa", "summary": "quer trocar a lente"},
    }
    await bench.receive(text("quero falar com uma pessoa"))
    await bench.settle()
    assert await bench.replies() == ["Vou chamar alguém."]
    await bench.receive(text("alô?"))
    await bench.settle()
    assert len(bench.server.runs) == 1
    async with bench.pool.connection() as conn:
        [held] = await ownership.held(conn)
    assert (held.reason, held.summary, held.last_text) == ("pediu uma pessoa", "quer trocar a lente", "alô?")
    assert held.waits_since is not None


async def test_a_person_who_takes_over_in_mid_turn_silences_its_answer(bench: Bench) -> None:
    bench.server.gate.clear()
    await bench.receive(text("Olá"))
    await bench.turns.step()
    await until(lambda: len(bench.server.runs) == 1)
    await say_as_person(bench, "Aqui é a Ana.")
    bench.server.gate.set()
    await until(lambda: not bench.turns._held)
    assert await bench.replies() == ["Aqui é a Ana."]
    assert await bench.rows("SELECT state FROM turn") == [("done",)]


async def test_what_the_agent_has_queued_is_not_sent_any_more(bench: Bench) -> None:
    await bench.receive(text("Olá"))
    await bench.settle()
    await say_as_person(bench, "Aqui é a Ana.")
    rows = await bench.rows("SELECT author, status FROM message WHERE direction = 'out' ORDER BY seq")
    assert rows == [("agent", "failed"), ("person", "queued")]


async def test_handed_back_the_agent_answers_what_nobody_has_and_knows_what_was_said(bench: Bench) -> None:
    await bench.receive(text("Olá"))
    await bench.settle()
    await say_as_person(bench, "Aqui é a Ana.")
    await bench.receive(text("e o meu pedido?"))
    await hand_back(bench)
    await bench.settle()
    last = bench.server.runs[0]["input"]
    assert [item["text"] for item in last["inbound"]] == ["e o meu pedido?"]
    assert [(item["author"], item["text"]) for item in last["since"]] == [("person", "Aqui é a Ana.")]
    await bench.receive(text("obrigada"))
    await bench.settle()
    assert bench.server.runs[0]["input"]["since"] == []


async def test_the_agent_learns_that_nobody_read_its_last_answer(bench: Bench) -> None:
    await bench.receive(text("Olá"))
    await bench.settle()
    await say_as_person(bench, "Aqui é a Ana.")  # before the answer went out
    await bench.receive(text("e o meu pedido?"))
    await hand_back(bench)
    await bench.settle()
    first, second = (run["input"] for run in reversed(bench.server.runs))
    assert (first["unsent"], second["unsent"]) == (None, first["turn_id"])
    await bench.rows("UPDATE message SET status = 'sent' WHERE author = 'agent' AND status = 'queued' RETURNING 1")
    await bench.receive(text("obrigada"))
    await bench.settle()
    assert bench.server.runs[0]["input"]["unsent"] is None


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
    bench: Bench, left: str, early: bool
) -> None:
    await bench.receive(text("cancela o pedido"))
    await bench.settle()
    await bench.rows(f"UPDATE message SET {left} WHERE author = 'agent' RETURNING 1")
    await bench.receive(text("ok"))
    await bench.settle()
    told = bench.server.runs[0]["input"]
    assert (told["early"], told["unsent"] is not None) == (early, "failed" in left)


@pytest.mark.parametrize(("lost", "verbatim"), [(0, True), (1, True), (0, False)])
async def test_a_question_of_which_a_part_did_not_arrive_counts_as_never_asked(
    bench: Bench, lost: int, verbatim: bool
) -> None:
    """Otherwise a tap on the part that arrived would accept a part that the customer never saw."""
    parts = [{"type": "text", "text": str(part)} | ({"verbatim": True} if verbatim else {}) for part in range(2)]
    bench.server.answer = lambda given: {"turn_id": given["turn_id"], "replies": parts}
    await bench.receive(text("abra um chamado"))
    await bench.settle()
    await bench.rows("UPDATE message SET status = 'read', sent_at = now() WHERE author = 'agent' RETURNING 1")
    await bench.rows(f"UPDATE message SET status = 'failed' WHERE author = 'agent' AND part = {lost} RETURNING 1")
    await bench.receive(text("sim"))
    await bench.settle()
    assert (bench.server.runs[0]["input"]["unsent"] is not None) == verbatim


async def test_what_a_person_has_answered_waits_for_the_customers_next_word(bench: Bench) -> None:
    await bench.receive(text("Olá"))
    await bench.settle()
    await bench.rows("UPDATE conversation SET holder = 'person' RETURNING 1")
    await bench.receive(text("qual o horário?"))
    await say_as_person(bench, "Das 9 às 18.")
    await hand_back(bench)
    await bench.settle()
    assert len(bench.server.runs) == 1
    await bench.receive(text("obrigada"))
    await bench.settle()
    last = bench.server.runs[0]["input"]
    assert [item["text"] for item in last["inbound"]] == ["qual o horário?", "obrigada"]
    assert [item["text"] for item in last["since"]] == ["Das 9 às 18."]


async def test_a_turn_left_by_a_dead_worker_says_nothing_after_a_person_was_there(bench: Bench) -> None:
    bench.server.gate.clear()
    await bench.receive(text("Olá"))
    await bench.turns.step()
    await until(lambda: len(bench.server.runs) == 1)
    for _, task in bench.turns._held.values():
        task.cancel()
    await bench.rows("UPDATE conversation SET lease_until = now() RETURNING 1")
    await say_as_person(bench, "Aqui é a Ana.")
    await hand_back(bench)
    bench.server.gate.set()
    await bench.settle(bench.worker())
    assert await bench.replies() == ["Aqui é a Ana."]


async def test_the_commands(bench: Bench, database: str, tmp_path: Path) -> None:
    await bench.receive(text("quero falar com uma pessoa"))
    conversation_id = str(await conversation(bench))

    def gateway(*arguments: str) -> tuple[int, str]:
        environment = {"DATABASE_URL": database, "PYTHONPATH": str(Path.cwd())}
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout + run.stderr

    assert gateway("conversations") == (0, "")
    code, said = gateway("reply", conversation_id, "Aqui é a Ana.")
    assert (code, "hand-back" in said) == (0, True)
    assert await bench.replies() == ["Aqui é a Ana."]
    code, said = gateway("conversations")
    assert conversation_id in said
    assert "Maria" in said
    assert gateway("hand-back", conversation_id) == (0, "the agent answers there again\n")
    unknown = "00000000-0000-0000-0000-000000000000"
    assert gateway("reply", unknown, "x")[0] == 1
    assert gateway("hand-back", unknown) == (1, f"gateway: there is no conversation {unknown}\n")
