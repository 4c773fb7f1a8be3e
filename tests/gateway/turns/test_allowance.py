"""The allowance of one customer within a day, in turns and tokens; beyond it a person, and one sentence."""

from typing import Any

import pytest

from gateway.store.database import Pool
from gateway.turns.canned_texts import limit_reason, limited
from tests.gateway.support.agent_server import echo
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway

USAGE = {"model": "m", "tokens_in": 900, "tokens_out": 100, "cached": 500}


def counting(run_input: dict[str, Any]) -> dict[str, Any]:
    return {**echo(run_input), "usage": USAGE}


async def one_turn(gateway: Gateway, words: str, **allowance: int) -> None:
    await gateway.receive(text(words))
    await gateway.settle(gateway.worker(**allowance))


async def test_the_usage_of_a_run_is_kept_on_its_turn(gateway: Gateway) -> None:
    gateway.agent.answer = counting
    await one_turn(gateway, "a")
    kept = await gateway.sql("SELECT model, tokens_in, tokens_out, tokens_cached FROM turn")
    assert kept == [("m", 900, 100, 500)]


@pytest.mark.parametrize("usage", [None, {}, 7, {**USAGE, "tokens_in": -1}, {**USAGE, "cached": "x"}, {"tokens_in": 1}])
async def test_a_usage_of_another_shape_is_none(gateway: Gateway, usage: object) -> None:
    gateway.agent.answer = lambda run_input: {**echo(run_input), "usage": usage}
    await one_turn(gateway, "a")
    assert await gateway.sql("SELECT state, model, tokens_in FROM turn") == [("done", None, None)]


@pytest.mark.parametrize("allowance", [{"turns_per_day": 2}, {"tokens_per_day": 2000}])
async def test_beyond_the_allowance_of_a_day_a_person_is_called(gateway: Gateway, allowance: dict[str, int]) -> None:
    gateway.agent.answer = counting
    for words in "abc":
        await one_turn(gateway, words, **allowance)
    assert await gateway.replies() == ["a", "b", limited("pt_BR")]
    assert gateway.agent.asked == 2
    held = await gateway.sql("SELECT holder, handoff_reason FROM conversation")
    assert held == [("person", limit_reason("pt_BR"))]
    assert [row[0] for row in await gateway.sql("SELECT state FROM turn ORDER BY started_at")] == ["done"] * 3


async def test_the_sentence_is_said_once_a_day_and_the_allowance_comes_back(gateway: Gateway, pool: Pool) -> None:
    for words in "abc":
        await one_turn(gateway, words, turns_per_day=1)
        await gateway.sql("UPDATE conversation SET holder = 'agent'")
    assert await gateway.replies() == ["a", limited("pt_BR")]
    await gateway.sql("UPDATE turn SET started_at = started_at - interval '25 hours'")
    await one_turn(gateway, "d", turns_per_day=1)
    assert (await gateway.replies())[-1] == "d"


async def test_the_allowance_is_that_of_the_customer_and_no_others(gateway: Gateway) -> None:
    await one_turn(gateway, "a", turns_per_day=1)
    await gateway.receive(text("b", wa_id="5511900000001"))
    await gateway.settle(gateway.worker(turns_per_day=1))
    assert await gateway.replies() == ["a", "b"]
