"""Odd answers of a model: the customer gets a sensible text, and no unnecessary personal data is kept."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult

from graph.contract.compose import compose
from graph.contract.replies import TEXT_LIMIT, TextReply
from graph.model.guard import judge, speaks_another_language
from graph.prompts import TEXTS
from graph.settings import settings
from graph.turn.model import chat_model
from tests.graph.support.talk import ModelDownError, ScriptedModel, Talk, calls, context, texts

CASES = Path(__file__).parents[2] / "cases"
ENGLISH = "I'm sorry, but I can't help you with that. Please contact the support team of your order."
SPANISH = "¡Hola! Claro, puedo ayudarle con su pedido, pero necesito el número. ¿Me lo puede decir?"
CPF = "529.982.247-25"
CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize("odd", ["", " \n\t ", "...", ENGLISH, SPANISH, "Извините, я не могу ответить на этот вопрос."])
async def test_an_odd_answer_is_asked_again_without_tools(talk: Talk, odd: str) -> None:
    talk.model.prepare(odd, "Claro, posso ajudar!")
    assert texts(await talk.turn("t1", "Oi")) == ["Claro, posso ajudar!"]
    assert talk.model.tools[-1] == []
    assert "resposta anterior" in talk.model.instructions
    assert [message.text for message in await talk.messages()] == ["Oi", "Claro, posso ajudar!"]


@pytest.mark.parametrize(
    ("odd", "instead"),
    [("", "empty_answer"), (ENGLISH, "wrong_language"), (SPANISH, "wrong_language")],
)
async def test_an_odd_answer_twice_becomes_our_own_text(talk: Talk, odd: str, instead: str) -> None:
    talk.model.prepare(odd, odd)
    assert texts(await talk.turn("t1", "Oi")) == [TEXTS[instead]]
    assert (await talk.messages())[-1].text == TEXTS[instead]


@pytest.mark.parametrize(
    "refusal",
    [
        AIMessage("", additional_kwargs={"refusal": "I can't do that."}),
        AIMessage([{"type": "refusal", "refusal": "No."}]),
        AIMessage("Eu", response_metadata={"finish_reason": "content_filter"}),
    ],
)
async def test_a_refusal_becomes_our_own_text_at_once(talk: Talk, refusal: AIMessage) -> None:
    talk.model.prepare(refusal)
    assert texts(await talk.turn("t1", "Oi")) == [TEXTS["refusal"]]


async def test_of_twenty_thousand_characters_ten_are_kept_and_it_says_so(talk: Talk) -> None:
    long = "Esta é uma frase sobre lentes de contato, que não acaba. " * 360
    talk.model.prepare(long, long)
    [text] = texts(await talk.turn("t1", "Conte tudo"))
    assert TEXT_LIMIT - 100 < len(text) <= TEXT_LIMIT  # three messages, which the channel makes of it
    assert text.endswith(TEXTS["cut"])


@given(st.integers(4097, 60_000), st.sampled_from([" ", "\n", ". ", "\n\n", "", "\n```\n"]), st.integers(1, 5000))
def test_however_long_it_is_one_bounded_reply_comes_of_it(length: int, gap: str, word: int) -> None:
    from graph.turn.end import repaired

    text = ("x" * word + gap) * (length // word + 1)
    [sent] = compose(repaired(AIMessage(text), "long").text, [])
    assert isinstance(sent, TextReply)
    assert len(sent.text) <= TEXT_LIMIT
    if TEXTS["cut"] in sent.text:
        assert sent.text.count("```") % 2 == 0  # what says so stands outside of the code


async def test_markdown_is_left_to_the_channel(talk: Talk) -> None:
    text = "# Título\n**Pedido** `12345`:\n| a | b |\n|---|---|\n[site](https://example.com)"
    talk.model.prepare(text)
    assert texts(await talk.turn("t1", "Oi")) == [text]


@pytest.mark.parametrize(
    "fine",
    ["Ok!", "👍", "R$ 59,90", "BR123456789", "Seu pedido 12345 está em separação.", "Black Friday: Ray-Ban Outlet New"],
)
def test_short_and_good_answers_are_not_suspected(fine: str) -> None:
    assert judge(AIMessage(fine), "pt_BR") is None


GOODS = "Drops for the eyes with vitamin, to be used at night. Lens Care for the Eyes with Aquaform"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ((CASES / "O_language_guard.txt").read_text(), ""),
        ('Está escrito "this is not for children, please keep it away from heat" na caixa. Ajudo em algo mais?', ""),
        (
            "Sim! Temos drops for the eyes with vitamin, to be used at night. Quer?",
            GOODS,
        ),
        ("O link é https://for.the/you/with/this e o e-mail é the.and.for@with.you.com", ""),
    ],
)
def test_names_and_quoted_words_are_no_language(text: str, facts: str) -> None:
    assert judge(AIMessage(text), "pt_BR", (), facts) is None


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how can I help you today?",
        "Your order 12345 is on its way.",
        "Sure! Here is what we have:\n- Acuvue Oasys for Astigmatism: R$ 289,90\n- Biofinity with Aquaform: R$ 199,90"
        "\nWhich one would you like to order?",
        "Is being prepared:\n- 2 x Lente de contato tórica mensal, R$ 289,90\nIs there more that I can help you with?",
    ],
)
def test_an_english_answer_is_still_caught(text: str) -> None:
    facts = f"{GOODS}\nLente de contato tórica mensal, R$ 289,90 cada"
    assert judge(AIMessage(text), "pt_BR", (), facts) == "language"


async def test_a_list_of_goods_is_sent_as_it_is(talk: Talk) -> None:
    said = (CASES / "O_language_guard.txt").read_text()
    talk.model.prepare(said)
    assert texts(await talk.turn("t1", "Quais lentes tóricas vocês têm?")) == [said.strip()]


def test_the_language_is_the_channels() -> None:
    assert not speaks_another_language(ENGLISH, "en_US")
    assert speaks_another_language("Não é possível ver os seus pedidos aqui, você pode perguntar mais tarde?", "en")
    assert not speaks_another_language("何でもお手伝いします、ご注文番号を教えてください", "ja")


async def test_a_fallback_model_answers_where_the_first_one_fails(talk: Talk, environment: pytest.MonkeyPatch) -> None:
    second = ScriptedModel()
    second.prepare("Aqui é a reserva.")
    environment.setenv("AGENT_FALLBACK_MODEL", "openai:reserve")
    settings.cache_clear()
    environment.setattr("graph.turn.model_call.chat_model", lambda name: {"openai:reserve": second}[name])
    talk.model.prepare(ModelDownError("away"))
    assert texts(await talk.turn("t1", "Oi")) == ["Aqui é a reserva."]


async def test_a_model_that_hangs_is_left_for_the_fallback(talk: Talk, environment: pytest.MonkeyPatch) -> None:
    class Hanging(ScriptedModel):
        async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
            return await asyncio.Future[ChatResult]()

    environment.setenv("MODEL_TIMEOUT_SECONDS", "0.5")
    settings.cache_clear()
    talk.ask(Hanging())
    with pytest.raises(TimeoutError):
        await talk.turn("t1", "Oi")
    second = ScriptedModel()
    second.prepare("Aqui é a reserva.")
    environment.setenv("AGENT_FALLBACK_MODEL", "openai:reserve")
    settings.cache_clear()
    environment.setattr("graph.turn.model_call.chat_model", lambda name: {"openai:reserve": second}[name])
    assert texts(await talk.go_on()) == ["Aqui é a reserva."]


async def test_too_many_tool_calls_are_not_made(talk: Talk, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TOOL_CALLS_PER_TURN", "2")
    settings.cache_clear()
    talk.model.prepare(calls(*[("list_orders", {})] * 3), "Chega")
    await talk.turn("t1", "Liste")
    assert [message.status for message in talk.model.seen[-1] if message.type == "tool"] == [
        "success",
        "success",
        "error",
    ]


async def test_three_failed_turns_call_a_person(talk: Talk) -> None:
    for number in range(3):
        talk.model.prepare("", "")
        output = await talk.turn(f"t{number}", f"pergunta {number}")
    assert output["handoff"]["reason"] == TEXTS["three_failures"]
    assert "pergunta 2" in output["handoff"]["summary"]
    assert texts(output) == [TEXTS["handoff"]]
    talk.model.prepare("")
    talk.model.prepare("")
    assert (await talk.turn("t9", "Oi"))["handoff"] is None


async def test_no_state_of_any_kind_keeps_a_document(talk: Talk) -> None:
    talk.context = context(customer_id=str(uuid.uuid4()))
    told = {"fact": f"CPF {CPF}"}
    ticket = {"subject": f"cartão {CARD}", "description": f"cpf {CPF}"}
    talk.model.prepare(
        calls(("remember", told)),
        calls(("create_ticket", ticket), start=2),
        calls(("request_human", {"reason": f"cpf {CPF}", "summary": CARD}), start=3),
        "ok",
    )
    said: dict[str, Any] = {"author": "person", "text": f"O seu CPF é {CPF}"}
    outputs = [await talk.turn(f"t{n}", f"cpf {CPF} e cartão {CARD}", since=[said]) for n in range(2)]
    kept = str(await talk.state())
    for secret in (CPF, CARD):
        assert secret not in kept
        assert secret not in str(outputs)


def test_the_fallback_model_is_made_like_the_other(environment: pytest.MonkeyPatch) -> None:
    chat_model.cache_clear()
    assert chat_model("openai:gpt-5.6-terra") is chat_model("openai:gpt-5.6-terra")
