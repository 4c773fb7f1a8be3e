"""The usage of a turn: of its own answers, and no others."""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from graph.turn.usage import usage_of
from tests.graph.support.talk import Talk


def answer(name: str, tokens: int, cached: int = 0) -> AIMessage:
    count: Any = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}
    count["input_token_details"] = {"cache_read": cached}
    return AIMessage("x", usage_metadata=count, response_metadata={"model_name": name})


def test_answers_are_added_and_the_last_model_is_named() -> None:
    used = usage_of([HumanMessage("Oi"), answer("a", 10), answer("b", 20, cached=5), AIMessage("ours")])
    assert used == {"model": "b", "tokens_in": 30, "tokens_out": 2, "cached": 5}


def test_without_counts_there_is_no_usage() -> None:
    assert usage_of([HumanMessage("Oi"), AIMessage("ours")]) is None


async def test_the_output_of_a_run_has_its_own_usage(talk: Talk) -> None:
    talk.model.prepare(answer("m", 10), answer("m", 7))
    for turn, tokens in (("t1", 10), ("t2", 7)):
        output = await talk.turn(turn, "Oi")
        assert output["usage"] == {"model": "m", "tokens_in": tokens, "tokens_out": 1, "cached": 0}
