"""Invalid answers of models and servers: nothing of them reaches a customer, and the conversation goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.model.answer import LARGEST
from graph.prompts import TEXTS
from graph.settings import settings
from tests.graph.support.model_server import Message, ModelServer, Raw, body, call, completion, say
from tests.graph.support.talk import Talk, texts

CASES = Path(__file__).parents[2] / "cases"
GOOD = "Claro, posso ajudar!"


def case(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


def scripted(server: ModelServer, *answers: Message | Raw) -> None:
    """Script the next answers, one for each call; a further call fails the test."""
    left: Iterator[Message | Raw] = iter(answers)
    server.script = lambda _: next(left)


def with_fallback(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AGENT_FALLBACK_MODEL", "openai:second")
    settings.cache_clear()


def offered(server: ModelServer) -> list[bool]:
    """Return for each call whether tools were offered."""
    return ["tools" in request for request in server.requests]


def asked(server: ModelServer) -> list[str]:
    return [request["model"] for request in server.requests]


async def test_text_beside_a_cut_call_is_asked_again_with_tools(http_talk: Talk, model_server: ModelServer) -> None:
    found = call("order_status", "call_a2", order_id="12345")
    scripted(model_server, case("P14_text_and_invalid_call"), found, say("O pedido está em separação."))
    assert texts(await http_talk.turn("t1", "E o pedido 12345?")) == ["O pedido está em separação."]
    assert offered(model_server) == [True, True, True]
    assert "Vou verificar" not in str(await http_talk.messages())


async def test_the_announcement_alone_is_never_sent(http_talk: Talk, model_server: ModelServer) -> None:
    scripted(model_server, case("P14_text_and_invalid_call"), case("P14_text_and_invalid_call"), say(GOOD))
    assert texts(await http_talk.turn("t1", "E o pedido 12345?")) == [TEXTS["empty_answer"]]
    assert (await http_talk.state())["failures"] == 1
    assert texts(await http_talk.turn("t2", "Oi")) == [GOOD]


async def test_thoughts_stay_with_the_model(http_talk: Talk, model_server: ModelServer) -> None:
    scripted(model_server, case("P15_think"))
    assert texts(await http_talk.turn("t1", "Oi")) == ["Olá! Como posso ajudar você hoje?"]
    assert "margem" not in str(await http_talk.state())


async def test_thoughts_without_an_answer_are_asked_again(http_talk: Talk, model_server: ModelServer) -> None:
    scripted(model_server, say("<think>\nA margem interna é de 30%."), say(GOOD))
    assert texts(await http_talk.turn("t1", "Oi")) == [GOOD]


async def test_thoughts_beside_a_call_are_not_kept(http_talk: Talk, model_server: ModelServer) -> None:
    thinking = call("list_orders", "call_1") | {"content": "<think>a margem</think>"}
    scripted(model_server, thinking, say(GOOD))
    assert texts(await http_talk.turn("t1", "Meus pedidos?")) == [GOOD]
    assert "margem" not in str(await http_talk.state())


@pytest.mark.parametrize(
    "written",
    [
        case("P16_tool_call_as_text")["content"],
        'Um momento.\n```json\n{"name": "order_status", "arguments": {"order_id": "12345"}}\n```',
        'functions.order_status({"order_id": "12345"})',
        "order_status(order_id='12345')",
        '{"name": "get_order", "parameters": {"order_id": "123',
    ],
)
async def test_a_call_written_as_text_is_asked_again_with_tools(
    http_talk: Talk, model_server: ModelServer, written: str
) -> None:
    found = call("order_status", "call_2", order_id="12345")
    scripted(model_server, say(written), found, say("O pedido está em separação."))
    assert texts(await http_talk.turn("t1", "E o pedido 12345?")) == ["O pedido está em separação."]
    assert offered(model_server) == [True, True, True]


async def test_a_call_in_the_old_form_is_asked_again(http_talk: Talk, model_server: ModelServer) -> None:
    old = {"role": "assistant", "content": None, "function_call": {"name": "list_orders", "arguments": "{}"}}
    scripted(model_server, old, say(GOOD))
    assert texts(await http_talk.turn("t1", "Oi")) == [GOOD]


async def test_half_an_answer_is_asked_again_with_tools(http_talk: Talk, model_server: ModelServer) -> None:
    half = body(completion(say("O seu pedido está em sepa"), "length"))
    scripted(model_server, half, say("Em separação."))
    assert texts(await http_talk.turn("t1", "E o pedido?")) == ["Em separação."]
    assert offered(model_server) == [True, True]


async def test_of_half_an_answer_twice_the_whole_sentences_are_sent(http_talk: Talk, model_server: ModelServer) -> None:
    half = body(completion(say("O pedido está em separação. Chega na sex"), "length"))
    scripted(model_server, half, half)
    assert texts(await http_talk.turn("t1", "Oi")) == [f"O pedido está em separação.{TEXTS['cut']}"]
    word = body(completion(say("Desculp"), "length"))
    scripted(model_server, word, word)
    assert texts(await http_talk.turn("t2", "Oi")) == [TEXTS["empty_answer"]]


async def test_a_call_without_an_id_is_carried_out_once(http_talk: Talk, model_server: ModelServer) -> None:
    scripted(model_server, case("P17_call_without_id"), say("Anotado!"), say(GOOD))
    assert texts(await http_talk.turn("t1", "Prefiro de manhã")) == ["Anotado!"]
    assert texts(await http_talk.turn("t2", "Oi")) == [GOOD]
    [made] = [one for one in await http_talk.messages() if one.type == "tool"]
    assert made.status == "success"
    assert len(model_server.requests) == 3  # nothing was refused


async def test_ids_that_repeat_are_made_unique(http_talk: Talk, model_server: ModelServer) -> None:
    """Ids repeat within one answer, in the next answer, and in a later turn."""
    twice = call("list_orders", "0")
    twice["tool_calls"] += call("order_status", "0", order_id="12345")["tool_calls"]
    scripted(
        model_server, twice, call("show_profile", "0"), say("um"), call("list_orders", "0"), say("dois"), say("três")
    )
    for turn_id, said in (("t1", "um"), ("t2", "dois"), ("t3", "três")):
        assert texts(await http_talk.turn(turn_id, "Oi")) == [said]
    answers = [one for one in model_server.requests[-1]["messages"] if one["role"] == "tool"]
    assert len({one["tool_call_id"] for one in answers}) == 4
    assert "Em separação" in answers[1]["content"]  # each call has its own answer


async def test_messages_with_the_same_id_do_not_replace_each_other(http_talk: Talk, model_server: ModelServer) -> None:
    model_server.script = lambda messages: say(f"resposta {len(messages)}") | {"id": "msg_0"}
    for turn_id in ("t1", "t2"):
        await http_talk.turn(turn_id, "Oi")
    assert [message.type for message in await http_talk.messages()] == ["human", "ai", "human", "ai"]


CALL = {"id": "call_1", "type": "function", "function": {"name": "list_orders", "arguments": "[1]"}}
JUNK = {
    "P19": body(case("P19_answer_without_choices")),
    "no choices": body({"id": "x", "choices": []}),
    "another API": body({"id": "x", "output": "Oi"}),
    "null choice": body({"choices": [None]}),
    "no message": body({"choices": [{"index": 0}]}),
    "error text": body({"error": "overloaded"}),
    "HTML": Raw(b"<html>busy</html>", content_type="text/html"),
    "cut JSON": Raw(b'{"choices": [{"mess'),
    "no body": Raw(b""),
    "list": body([1]),
    "no role": body(completion({"content": "Oi"})),
    "another's role": body(completion({"role": "user", "content": "Oi"})),
    "number for content": body(completion({"role": "assistant", "content": 5})),
    "list for arguments": body(completion({"role": "assistant", "content": None, "tool_calls": [CALL]})),
    "null call": body(completion({"role": "assistant", "content": None, "tool_calls": [None]})),
    "nothing said": body(completion({"role": "assistant", "content": None})),
    "402": body({"error": {"message": "no credit"}}, 402),
    "409": body({"error": {"message": "conflict"}}, 409),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
async def test_junk_is_a_failure_and_the_fallback_model_is_asked(
    http_talk: Talk, model_server: ModelServer, environment: pytest.MonkeyPatch, junk: Raw
) -> None:
    with_fallback(environment)
    model_server.script = lambda _: junk if model_server.requests[-1]["model"] == "first" else say(GOOD)
    assert texts(await http_talk.turn("t1", "Oi")) == [GOOD]
    assert asked(model_server)[-1] == "second"
    assert len(model_server.requests) <= 3


async def test_junk_is_asked_again_and_then_fails_the_run(http_talk: Talk, model_server: ModelServer) -> None:
    scripted(model_server, JUNK["HTML"], say(GOOD), JUNK["HTML"], JUNK["P19"], say("Agora sim"))
    assert texts(await http_talk.turn("t1", "Oi")) == [GOOD]
    with pytest.raises(Exception, match=r"\AValueError\b"):  # not what the server said
        await http_talk.turn("t2", "E agora?")
    assert texts(await http_talk.go_on()) == ["Agora sim"]


async def test_junk_leaves_a_long_history_as_it_is(
    http_talk: Talk, model_server: ModelServer, environment: pytest.MonkeyPatch
) -> None:
    """The model that writes summaries is asked before the turn begins."""
    environment.setenv("HISTORY_TOKENS", "500")
    settings.cache_clear()
    said = say("palavra " * 300)
    summary = lambda messages: "resuma" in messages[0]["content"].lower()  # noqa: E731
    model_server.script = lambda messages: JUNK["HTML"] if summary(messages) else said
    for number in range(4):
        assert texts(await http_talk.turn(f"t{number}", "Oi"))
    assert any(summary(request["messages"]) for request in model_server.requests)


@pytest.mark.parametrize("answer", [{}, {"content": ""}], ids=["used", "discarded"])
async def test_integers_of_any_size_are_kept_as_the_largest(
    http_talk: Talk, model_server: ModelServer, answer: dict[str, str]
) -> None:
    huge = completion(say(GOOD) | answer) | {"created": -(10**40)}
    huge["usage"] = {"prompt_tokens": 10**40, "completion_tokens": 2**64, "total_tokens": 10**40}
    scripted(model_server, body(huge), say(GOOD))
    output = await http_talk.turn("t1", "Oi")
    assert texts(output) == [GOOD]
    assert output["usage"]["tokens_in"] >= LARGEST


async def test_arguments_that_no_checkpoint_holds_are_changed(http_talk: Talk, model_server: ModelServer) -> None:
    odd = call("order_status", "call_1", order_id="12345", other=10**40, **{"\ud800": 1})
    scripted(model_server, odd, say(GOOD))
    assert texts(await http_talk.turn("t1", "Oi")) == [GOOD]
