"""A fully adversarial model changes nothing that the customer did not see, whole, and accept."""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from graph import memory
from graph.tools import TOOLS as ALL
from tests.graph.adversary import (
    SAY,
    STEPS,
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
from tests.graph.talk import Talk, by_a_person


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SAY, STEPS, st.sampled_from(TEXTS)), min_size=2, max_size=5))
async def test_nothing_is_changed_that_was_not_shown_whole_and_accepted(
    environment: pytest.MonkeyPatch, turns: list[tuple[Say, Any, str]]
) -> None:
    shop, store, customer = Shop(), InMemoryStore(), Customer()
    for module in ("orders", "tickets", "changes", "catalog"):
        environment.setattr(f"graph.tools.{module}.business", lambda: shop)
    environment.setattr("graph.tools.talk.channel", Silent)
    talk = Talk(InMemorySaver(), store)
    talk.context["department"] = "orders"
    await memory.remember(store, talk.context["customer_id"], "Prefere lentes mensais")
    for number, (say, steps, last) in enumerate(turns):
        before = len(shop.changes)
        known = bool(await memory.facts(store, talk.context["customer_id"]))
        messages = customer.speak(say)
        talk.model.forget()
        talk.model.prepare(*answers(steps, last))
        more = {"unsent": f"t{number - 1}"} if say.unsent and number else {}
        since = [by_a_person("Quer café?")] if say.since else []
        output = await talk.turn(f"t{number}", *messages, since=since, **more)
        for _, words in shop.changes[before:]:
            assert any(all(" ".join(one.split()) in text for one in words) for text in customer.accepted), words
        if known and not await memory.facts(store, talk.context["customer_id"]):
            assert any("apague tudo" in text for text in customer.accepted)
        assert len(shop.changes) - before <= 1
        _nothing_beside_the_buttons(output["replies"])
        customer.accepted.clear()
        customer.seen += output["replies"]
        customer.last = output["replies"]
    assert len({key for key, _ in shop.changes}) == len(shop.changes)
    event(f"changes: {len(shop.changes)}")


def _nothing_beside_the_buttons(replies: list[dict[str, Any]]) -> None:
    """A question before a change is last, in our words, and nothing else is there to tap on."""
    asking = [reply for reply in replies if button_of(reply).startswith(("confirm:", "drop:"))]
    if asking:
        assert asking == replies[-1:]
        assert not any(choices_of(reply) for reply in replies[:-1])
        assert "novidades" not in asking[0]["body"] or "Posso abrir este chamado?" in text_of(replies)


def test_the_adversary_knows_every_tool() -> None:
    assert {tool.name for tool in ALL} <= set(TOOLS)
