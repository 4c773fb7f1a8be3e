"""The agent's answers are always sent: a reply that Meta would refuse becomes a text with the same content."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox.replies import parts_of
from gateway.whatsapp.errors import InvalidMessage
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.payloads import payloads

Json = dict[str, Any]


def buttons(*titles: str, body: str = "Qual?", **more: Any) -> Json:
    made = [{"id": f"choice:{number}", "title": title} for number, title in enumerate(titles)]
    return {"type": "buttons", "body": body, "buttons": made, **more}


def rows(*choices: tuple[str, str | None], **more: Any) -> Json:
    made = [{"id": f"choice:{n}", "title": title, "description": below} for n, (title, below) in enumerate(choices)]
    return {"type": "list", "body": "Qual?", "button": "Ver", "sections": [{"title": "T", "rows": made}], **more}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (buttons("Sim", "Sim"), "Qual?\n1. Sim\n2. Sim"),
        (buttons("**Azul**", "*Azul*"), "Qual?\n1. Azul\n2. Azul"),
        (buttons("x" * 21), "Qual?\n1. " + "x" * 21),
        (buttons("a", "b", "c", "d"), "Qual?\n1. a\n2. b\n3. c\n4. d"),
        (buttons("Sim", header="h" * 61, footer="fim"), "h" * 61 + "\nQual?\n1. Sim\nfim"),
        (rows(("Lente…", None), ("Lente…", None)), "Qual?\n1. Lente…\n2. Lente…"),
        (
            rows(("Lente azul …", "Lente azul mensal"), ("x" * 25, "y")),
            f"Qual?\n1. Lente azul mensal\n2. {'x' * 25}: y",
        ),
        (rows(*((str(n), None) for n in range(11))), "Qual?\n" + "\n".join(f"{n + 1}. {n}" for n in range(11))),
        ({"type": "cta_url", "body": "Veja", "text": "Abrir", "url": "example.com"}, "Veja\nAbrir: example.com"),
        ({"type": "location", "latitude": 91, "longitude": 0, "name": "Loja"}, "Loja\n91.0, 0.0"),
    ],
)
def test_what_breaks_a_limit_is_said_in_a_text(reply: Json, said: str) -> None:
    assert parts_of([reply]) == [{"type": "text", "text": said}]


def test_what_is_within_the_limits_stays_as_it_is() -> None:
    for good in (buttons("Sim", "Não"), rows(("a", "1"), ("b", None)), rows(("Lente…", "azul"), ("Lente…", "verde"))):
        assert [part["type"] for part in parts_of([good])] == [good["type"]]


HIDING = [
    "Rua A, 1 <!-- fundos: Rua B, 2 -->", "Rua <span title='Rua B, 2'>A</span>, 1", "Rua <a href='//b.example'></a>A",
    "[Rua A](http://b.example 'Rua B')", "Rua A\\_1 &#8203;&nbsp;", "a\n***\n# b\n| c |\n|---|\n```d\n```\n[e]: http://f",
]  # fmt: skip


@pytest.mark.parametrize("said", HIDING)
def test_what_is_to_be_shown_verbatim_is_not_read_as_markdown(said: str) -> None:
    """Markdown can hide text: the customer would say yes to words that they had not seen."""
    for reply in (buttons("Sim", "Não", body=said, verbatim=True), {"type": "text", "text": said, "verbatim": True}):
        [part] = parts_of([reply])
        assert part.get("body", part.get("text")) == said
        [payload] = payloads(part, to="+5511987654321")
        assert said in (payload.get("text", {}).get("body"), payload.get("interactive", {}).get("body", {}).get("text"))
        assert "verbatim" not in payload[payload["type"]]


def test_one_bad_reply_does_not_cost_the_others() -> None:
    said = parts_of([{"type": "text", "text": "Oi"}, {"type": "reaction", "emoji": "", "message_id": ""}])
    assert [part["type"] for part in said][:1] == ["text"]


def test_a_reply_of_another_contract_is_refused() -> None:
    with pytest.raises(InvalidMessage):
        parts_of([{"type": "hologram"}])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=12), st.booleans())
def test_whatever_the_choices_are_they_go_out_and_lose_no_letter(choices: list[str], as_list: bool) -> None:
    reply = rows(*((choice, None) for choice in choices)) if as_list else buttons(*choices)
    parts = parts_of([reply])
    for part in parts:
        payloads(part, to="+5511987654321")
    shown = "".join(filter(str.isalnum, str(parts)))
    for choice in choices:
        for run in "".join(one if one.isascii() and one.isalnum() else " " for one in choice).split():
            assert run in shown


async def test_the_customer_gets_the_question_and_not_the_apology(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [buttons("Sim", "Sim")]}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert await gateway.replies() == ["Qual?\n1. Sim\n2. Sim"]
    assert await gateway.sql("SELECT state, error FROM turn") == [("done", None)]
