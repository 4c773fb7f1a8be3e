"""The usage of a turn: of its own answers, and no others."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from graph.settings import settings
from graph.turn.usage import usage_of
from tests.graph.support.talk import Talk, calls


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


async def test_discarded_answers_count(talk: Talk) -> None:
    empty = answer("m", 10).model_copy(update={"content": ""})
    talk.model.prepare(empty, answer("m", 7), answer("m", 3))
    assert (await talk.turn("t1", "Oi"))["usage"] == {"model": "m", "tokens_in": 17, "tokens_out": 2, "cached": 0}
    assert (await talk.turn("t2", "Oi"))["usage"]["tokens_in"] == 3


async def test_discarded_answers_before_a_tool_count(talk: Talk) -> None:
    cut = {"name": "list_orders", "args": "{", "id": "a", "error": None, "type": "invalid_tool_call"}
    half = answer("m", 10).model_copy(update={"content": "", "invalid_tool_calls": [cut]})
    asking = calls(("list_orders", {})).model_copy(update={"usage_metadata": answer("m", 5).usage_metadata})
    talk.model.prepare(half, asking, answer("m", 7))
    assert (await talk.turn("t1", "Oi"))["usage"]["tokens_in"] == 22


async def test_summaries_count(talk: Talk, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HISTORY_TOKENS", "500")
    settings.cache_clear()
    talk.model.prepare(answer("m", 10), answer("m", 11), answer("m", 100), answer("m", 7))
    for number in range(2):
        await talk.turn(f"t{number}", "palavra " * 300)
    used = (await talk.turn("t2", "Oi"))["usage"]
    assert (used["tokens_in"], used["tokens_out"]) == (107, 2)
