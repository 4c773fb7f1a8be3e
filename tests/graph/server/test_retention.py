"""The checkpoints that are kept of a conversation, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from langchain_core.outputs import ChatResult

from graph.policy import memory
from graph.server import persistence
from graph.server.retention import LOCK, NEXT_THREADS, UNLOCK, Retention
from tests.graph.support.talk import ModelDownError, ScriptedModel, Talk, calls, texts

pytestmark = pytest.mark.usefixtures("no_retention")

NOW = datetime.now(UTC)
RUN = Retention.run


@pytest.fixture
def retention(talk: Talk) -> Retention:
    """Threads are kept for 30 days."""
    return Retention(talk.saver.conn, days=30)


async def test_old_checkpoints_go_and_the_conversation_goes_on(talk: Talk, retention: Retention, database: str) -> None:
    for number in range(3):
        talk.model.prepare(f"resposta {number}")
        await talk.turn(f"t{number}", f"pergunta {number}")
    before = await talk.state()
    assert rows(database)["checkpoints"] > 3
    await retention.tidy(NOW)
    assert rows(database)["checkpoints"] == 1
    assert rows(database)["checkpoint_writes"] == 0
    assert await talk.state() == before
    again = await talk.turn("t1", "pergunta 1")
    assert texts(again) == ["resposta 1"]
    talk.model.prepare("resposta 3")
    assert texts(await talk.turn("t3", "pergunta 3")) == ["resposta 3"]
    assert [message.text for message in talk.model.seen[-1]][:2] == ["pergunta 0", "resposta 0"]


async def test_a_turn_that_was_cut_off_can_still_be_continued(talk: Talk, retention: Retention) -> None:
    talk.model.prepare(calls(("list_orders", {})), ModelDownError())
    with pytest.raises(ModelDownError):
        await talk.turn("t1", "Quais são os meus pedidos?")
    await retention.tidy(NOW)
    talk.model.prepare("São estes.")
    output = await talk.go_on()
    assert (output["turn_id"], texts(output)) == ("t1", ["São estes."])
    assert [message.type for message in await talk.messages()] == ["human", "ai", "tool", "ai"]


async def test_what_a_turn_writes_while_others_tidy_up_stays(talk: Talk, retention: Retention) -> None:
    class Tidying(ScriptedModel):
        async def _agenerate(self, *args: Any, **settings: Any) -> ChatResult:
            await retention.tidy(NOW)
            return self._generate(*args, **settings)

    talk.ask(Tidying())
    talk.model.prepare(calls(("list_orders", {})), "São estes.")
    assert texts(await talk.turn("t1", "Quais são os meus pedidos?")) == ["São estes."]
    assert [message.type for message in await talk.messages()] == ["human", "ai", "tool", "ai"]


async def test_a_conversation_is_forgotten_once_nobody_wrote_for_long(
    talk: Talk, retention: Retention, database: str
) -> None:
    talk.model.prepare("Olá!")
    await talk.turn("t1", "Oi")
    await retention.tidy(NOW + timedelta(days=29))
    assert rows(database)["checkpoints"] == 1
    await Retention(talk.saver.conn, days=0).tidy(NOW + timedelta(days=9999))
    assert rows(database)["checkpoints"] == 1
    await retention.tidy(NOW + timedelta(days=31))
    assert set(rows(database).values()) == {0}


async def test_a_profile_is_forgotten_once_nothing_was_added_for_long(
    talk: Talk, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.server.retention.BATCH_SIZE", 1)
    assert talk.store is not None
    for customer in ("a", "b"):
        await memory.remember(talk.store, customer, "Grau -2")
    await talk.store.aput(("other",), "a", {"x": 1}, index=False)
    await retention.tidy(NOW + timedelta(days=29))
    assert len(await memory.facts(talk.store, ["a", "b"])) == 1
    await retention.tidy(NOW + timedelta(days=31))
    assert await memory.facts(talk.store, ["a", "b"]) == []
    assert await talk.store.aget(("other",), "a")


async def test_many_threads_are_tidied_in_batches(
    talk: Talk, retention: Retention, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.server.retention.BATCH_SIZE", 2)
    for number in range(5):
        talk.begin()
        talk.model.prepare("Olá!")
        await talk.turn(f"t{number}", "Oi")
    await retention.tidy(NOW)
    assert rows(database)["checkpoints"] == 5


async def test_one_process_tidies_at_a_time(talk: Talk, retention: Retention, database: str) -> None:
    talk.model.prepare("Olá!")
    await talk.turn("t1", "Oi")
    before = rows(database)
    with psycopg.connect(persistence.address(), autocommit=True) as other:
        other.execute(LOCK)
        await retention.tidy(NOW)
        assert rows(database) == before
        other.execute(UNLOCK)
    await retention.tidy(NOW)
    assert rows(database)["checkpoints"] == 1
    with psycopg.connect(persistence.address()) as other:
        assert other.execute(LOCK).fetchone() == (True,)  # free again


async def test_a_step_reads_no_more_than_its_own_threads(retention: Retention, database: str) -> None:
    await retention.tidy(NOW)  # the tables exist
    with psycopg.connect(persistence.address()) as connection:
        connection.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)"
            " SELECT gen_random_uuid()::text, '1', '{}' FROM generate_series(1, 20000)"
        )
        connection.execute("ANALYZE checkpoints")
        query = f"EXPLAIN (ANALYZE, FORMAT json) {NEXT_THREADS}"
        plan = connection.execute(query, ["8", 100]).fetchone()[0][0]["Plan"]
    nodes = list(nodes_of(plan))
    assert not [node for node in nodes if node["Node Type"] in ("Seq Scan", "Sort")]
    assert max(node["Actual Rows"] for node in nodes) <= 101


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the nodes of a plan."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes_of(child)


async def test_the_server_tidies_up_while_it_runs(talk: Talk, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retention, "run", RUN)
    talk.model.prepare("Olá!")
    await talk.turn("t1", "Oi")
    async with persistence.checkpointer(), asyncio.timeout(60):
        while rows(database)["checkpoints"] > 1:
            await asyncio.sleep(0.05)


def rows(database: str) -> dict[str, int]:
    """Return the number of rows in the tables of the checkpoints."""
    with psycopg.connect(database) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM agent.{table}").fetchone()[0]
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
        }
