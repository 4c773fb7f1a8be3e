"""A fully adversarial model changes nothing that the customer did not see completely and accept."""

import sys
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from gateway.outbox.replies import parts_of
from graph import prompts
from graph.policy import memory
from graph.tools import TOOLS as ALL
from tests.graph.support.adversary import (
    SAY,
    STEPS,
    STORIES,
    TEXTS,
    TOOLS,
    Customer,
    Say,
    Shop,
    Silent,
    answers,
    button_of,
    choices_of,
    text_of,
)
from tests.graph.support.talk import Talk, by_a_person


def _each(test: Any) -> Any:
    """The test, with the stories that are known by name as well."""
    for story in STORIES:
        test = example(turns=story)(test)
    return test


@_each
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SAY, STEPS, st.sampled_from(TEXTS)), min_size=2, max_size=5))
async def test_nothing_is_changed_that_was_not_shown_whole_and_accepted(
    environment: pytest.MonkeyPatch, turns: list[tuple[Say, Any, str]]
) -> None:
    shop, customer, talk = Shop(), Customer(), _talk()
    _instead_of(environment, "business", lambda: shop)
    _instead_of(environment, "gateway", Silent)
    talk.begin()
    talk.context |= {"department": "orders", "customer_id": str(uuid4()), "erasure": "immediate"}
    store = talk.store
    assert store is not None
    await memory.remember(store, talk.context["customer_id"], "Prefere lentes mensais")
    for number, (say, steps, last) in enumerate(turns):
        before = len(shop.changes)
        known = bool(await memory.facts(store, [talk.context["customer_id"]]))
        messages = customer.speak(say)
        talk.model.forget()
        talk.model.prepare(*answers(steps, last))
        more = {"unsent": f"t{number - 1}"} if say.unsent and number else {}
        since = [by_a_person("Quer café?")] if say.since else []
        output = await talk.turn(f"t{number}", *messages, since=since, **more)
        for _, words in shop.changes[before:]:
            assert any(all(" ".join(one.split()) in text for one in words) for text in customer.accepted), words
        if known and not await memory.facts(store, [talk.context["customer_id"]]):
            assert any(prompts.TEXTS["ask_erase"] in text for text in customer.accepted)
        if output.get("erasure"):
            asked = " ".join(prompts.TEXTS["ask_erase_all_now"].split())
            assert any(asked in text for text in customer.accepted)
        assert len(shop.changes) - before <= 1
        customer.accepted.clear()
        customer.last = parts_of(output["replies"])
        customer.seen += customer.last
        _nothing_beside_the_buttons(customer.last)
    assert len({key for key, _ in shop.changes}) == len(shop.changes)
    event(f"changes: {len(shop.changes)}")


@cache
def _talk() -> Talk:
    """Return one graph for all examples: building it costs more than an example."""
    return Talk(InMemorySaver(), InMemoryStore())


def _instead_of(environment: pytest.MonkeyPatch, name: str, other: object) -> None:
    """Replace what the tools import by this name."""
    for place, module in sys.modules.items():
        if place.startswith("graph.tools.") and hasattr(module, name):
            environment.setattr(module, name, other)


def _nothing_beside_the_buttons(replies: list[dict[str, Any]]) -> None:
    """Check that a question before a change is last, in our words, and that nothing else has buttons."""
    asking = [reply for reply in replies if button_of(reply).startswith(("confirm:", "drop:"))]
    if asking:
        assert asking == replies[-1:]
        assert not any(choices_of(reply) for reply in replies[:-1])
        assert "novidades" not in asking[0]["body"] or "Posso abrir este chamado?" in text_of(replies)


def test_the_adversary_knows_every_tool() -> None:
    assert {tool.name for tool in ALL} <= set(TOOLS)
