"""Answers that count as a yes or a no to a question before a change: its own buttons, and plain words alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.contract.replies import ButtonsReply, TextReply
from graph.contract.state import Inbound, Pending
from graph.policy.confirmations import QUESTION_LIMIT, call_id, decide, question_replies
from tests.graph.support.talk import NOON

MOMENT = datetime.fromisoformat(NOON)
EXPIRES = (MOMENT + timedelta(minutes=30)).isoformat()


def pending(**more: Any) -> Pending:
    made = {"id": "a:c", "turn_id": "a", "tool": "t", "arguments": {}, "question": "Posso?", "expires_at": EXPIRES}
    return Pending(**made | more)  # type: ignore[typeddict-item]  # the test's own values


ONE = pending()


def said(text: str, **more: Any) -> Inbound:
    return Inbound.model_validate({"id": f"wamid.{text}", "text": text, **more})


def tapped(answer: int, one: Pending = ONE, kind: str = "button_reply") -> Inbound:
    """Return a tap on the first (yes) or second (no) button of the question."""
    asked = question_replies(one)[-1]
    assert isinstance(asked, ButtonsReply)
    button = asked.buttons[answer]
    return said(button.title, kind="interactive", interactive={"type": kind, "id": button.id, "title": button.title})


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("Sim", "yes"), ("SIM!!", "yes"), ("sim, por favor.", "yes"), ("pode", "yes"), ("👍", "yes"), ("👍🏽", "yes"),
        ("Não.", "no"), ("nao quero", "no"), ("❌", "no"), ("sim mas troca o assunto", "open"), ("não sei", "open"),
        ("", "open"), ("sim?", "open"), ("Espera, qual é mesmo o endereço da loja?", "open"), ("pode cancelar", "open"),
        ("sim, mas troca o endereço", "open"), ("obrigada", "open"), ("não, espera", "open"),
    ],
)  # fmt: skip
def test_plain_answers_are_understood_and_others_are_none(words: str, meant: str) -> None:
    assert decide(ONE, [said(words)], MOMENT) == meant


def test_words_about_the_change_count_for_that_change_only() -> None:
    assert decide(pending(tool="cancel_order"), [said("pode cancelar")], MOMENT) == "yes"
    assert decide(pending(tool="change_address"), [said("pode cancelar")], MOMENT) == "open"
    assert decide(pending(tool="cancel_order"), [said("cancela")], MOMENT) == "open"  # the order, or the wish?


def test_a_yes_with_anything_else_is_asked_about_again() -> None:
    assert decide(ONE, [said("sim"), said("não, espera")], MOMENT) == "unclear"
    assert decide(ONE, [tapped(0), said("espera")], MOMENT) == "unclear"
    assert decide(ONE, [said("sim"), said("", kind="image")], MOMENT) == "unclear"
    assert decide(ONE, [tapped(0), said("Obrigada!")], MOMENT) == "yes"
    assert decide(ONE, [tapped(0), said("sim")], MOMENT) == "yes"


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"context": {"message_id": "wamid.9", "text": "Quer receber novidades?"}},
        {"context": {"message_id": "wamid.9", "text": None}},
        {"context": {"forwarded": True}},
        {"context": {"product": {"catalog": "1", "product": "A"}}},
        {"referral": {"headline": "Quer descontos?"}},
        {"kind": "image"},
        {"kind": "button"},
        {"kind": "interactive"},
        {"kind": "audio"},
    ],
)
def test_a_yes_to_something_else_is_none(elsewhere: dict[str, Any]) -> None:
    assert decide(ONE, [said("sim", **elsewhere)], MOMENT) == "open"


def test_a_yes_that_quotes_the_question_is_one() -> None:
    assert decide(ONE, [said("sim", context={"message_id": "wamid.9", "text": "*Posso?*"})], MOMENT) == "yes"


@pytest.mark.parametrize("kind", ["list_reply", "button", "nfm_reply", ""])
def test_only_a_reply_button_confirms_whatever_id_another_thing_has(kind: str) -> None:
    assert decide(ONE, [tapped(0, kind=kind)], MOMENT) == "open"
    assert decide(ONE, [tapped(1, kind=kind)], MOMENT) == "open"


@pytest.mark.parametrize(
    "other",
    [
        pending(id="b:c"),
        pending(tool="u"),
        pending(arguments={"order_id": "1"}),
        pending(question="Posso isto?"),
    ],
)
def test_a_button_confirms_exactly_the_change_that_it_was_made_for(other: Pending) -> None:
    assert decide(ONE, [tapped(0, other)], MOMENT) == "late"
    assert decide(ONE, [tapped(1, other)], MOMENT) == "open"
    assert decide(ONE, [tapped(0, pending(turn_id="asked again", expires_at="2026-11-24T00:00:00+00:00"))], MOMENT) == (
        "yes"
    )


def test_a_forged_id_of_a_button_is_no_yes() -> None:
    for forged in ("confirm:", "confirm:a", "confirm:a:c", "confirm", "confirm:*"):
        message = said("Sim", kind="interactive", interactive={"type": "button_reply", "id": forged, "title": "Sim"})
        assert decide(ONE, [message], MOMENT) in ("late", "open")


@given(st.lists(st.sampled_from(["sim", "não", "e o pedido?", "👍"]), min_size=1, max_size=5))
def test_a_no_counts_more_than_any_yes_and_a_yes_only_alone(words: list[str]) -> None:
    meant = decide(ONE, [Inbound(id=str(n), text=text) for n, text in enumerate(words)], MOMENT)
    yes, other = bool({"sim", "👍"} & set(words)), "e o pedido?" in words
    assert meant == ("no" if "não" in words else "open" if not yes else "unclear" if other else "yes")


@given(st.text(max_size=60), st.datetimes(timezones=st.just(UTC)))
def test_without_a_question_no_words_decide_anything(words: str, moment: datetime) -> None:
    assert decide(None, [Inbound(id="w", text=words)], moment) == "open"


@given(st.text(max_size=60))
def test_where_something_else_was_shown_no_words_decide_anything(words: str) -> None:
    assert decide(ONE, [Inbound(id="w", text=words)], MOMENT, words=False) == "open"


@given(st.text(min_size=1, max_size=QUESTION_LIMIT).filter(str.strip))
def test_a_question_is_shown_whole_and_only_its_last_message_has_buttons(text: str) -> None:
    *before, last = question_replies(pending(question=text))
    assert all(isinstance(one, TextReply) for one in before)
    assert len(before) <= 1
    assert isinstance(last, ButtonsReply)
    shown = "".join([*(one.text for one in before if isinstance(one, TextReply)), last.body])
    assert "".join(shown.split()).startswith("".join(text.split()))


@given(st.text(min_size=1))
def test_the_id_of_the_call_is_the_turns_and_short_enough_for_openai(turn_id: str) -> None:
    assert call_id(turn_id) == call_id(turn_id)
    assert len(call_id(turn_id)) <= 40
