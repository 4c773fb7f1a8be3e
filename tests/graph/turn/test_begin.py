import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graph.contract.state import ANSWERS_KEPT
from graph.history.transcript import UNSENT
from graph.prompts import TEXTS
from tests.graph.support.talk import ModelDownError, Talk, by_a_person, calls, inbound, texts

LOOKUP = ("order_status", {"order_id": "12345"})


async def test_a_turn_is_answered(talk: Talk) -> None:
    talk.model.prepare("Olá, Maria!")
    output = await talk.turn("t1", "Oi")
    assert output == {
        "turn_id": "t1",
        "answered": "t1",
        "replies": [{"type": "text", "text": "Olá, Maria!"}],
        "handoff": None,
        "verified": False,
        "erasure": None,
        "steps": [],
        "usage": None,
        "transcripts": [],
    }


async def test_a_turn_tells_the_tools_that_it_used_masked_and_the_next_one_only_its_own(talk: Talk) -> None:
    looked = ("conversation_history", {"limit": 5})
    talk.model.prepare(calls(looked), "Pronto", "De nada")
    [step] = (await talk.turn("t1", "Oi"))["steps"]
    assert (step["tool"], step["arguments"]) == ("conversation_history", '{"limit": 5}')
    assert step["result"]
    assert (await talk.turn("t2", "Obrigada"))["steps"] == []


async def test_the_same_turn_again_gives_the_same_replies_without_the_model(talk: Talk) -> None:
    talk.model.prepare("primeira", "segunda")
    first = await talk.turn("t1", "Oi")
    await talk.turn("t2", "E agora?")
    again = await talk.turn("t1", "Oi")
    assert again == first
    assert len(talk.model.seen) == 2
    assert [message.text for message in await talk.messages()] == ["Oi", "primeira", "E agora?", "segunda"]


async def test_the_last_answers_are_kept_by_turn(talk: Talk) -> None:
    for number in range(ANSWERS_KEPT + 1):
        talk.model.prepare(f"resposta {number}")
        await talk.turn(f"t{number}", "Oi")
    assert texts(await talk.turn("t1", "Oi")) == ["resposta 1"]
    assert [answer["turn_id"] for answer in (await talk.state())["answers"]] == [
        f"t{number}" for number in range(1, ANSWERS_KEPT + 1)
    ]


async def test_every_text_reaches_the_model_in_order(talk: Talk) -> None:
    talk.model.prepare("ok")
    batch = [f"mensagem {number}" for number in range(10)]
    await talk.turn("t1", *batch)
    assert [message.text for message in talk.model.seen[0]] == batch
    assert [message.id for message in talk.model.seen[0]] == [f"wamid.t1.{number}" for number in range(10)]


async def test_what_a_person_said_meanwhile_stands_before_the_customers_answer(talk: Talk) -> None:
    talk.model.prepare("ok", "ok")
    await talk.turn("t1", "Quero trocar")
    await talk.turn("t2", "Obrigada", since=[by_a_person("Pode trocar até sexta")])
    told = talk.model.seen[-1][-2]
    assert (told.type, told.text) == ("ai", "Pode trocar até sexta")
    assert talk.model.seen[-1][-1].text == "Obrigada"


async def test_an_answer_that_never_reached_the_customer_is_marked_in_the_history(talk: Talk) -> None:
    talk.model.prepare("Custa R$ 10", "Às ordens", "Certo")
    await talk.turn("t1", "Quanto custa?")
    await talk.turn("t2", "Oi?", since=[by_a_person("R$ 20, até sexta")], unsent="t1")
    unsent = f"{UNSENT}\nCusta R$ 10"
    assert [message.text for message in talk.model.seen[-1]] == ["Quanto custa?", unsent, "R$ 20, até sexta", "Oi?"]
    await talk.turn("t3", "Obrigada", unsent="t1")  # long known: another answer came after it
    assert [message.text for message in await talk.messages()][1:5] == [unsent, "R$ 20, até sexta", "Oi?", "Às ordens"]


async def test_messages_whose_answer_a_person_cut_off_are_asked_again_at_the_end(talk: Talk) -> None:
    talk.model.prepare("Às 18 h", "Fechamos às 18 h", "ok")
    await talk.turn("t1", inbound("Que horas fecha?", wamid="wamid.1"))
    output = await talk.turn("t2", inbound("Que horas fecha?", wamid="wamid.1"), unsent="t1")
    assert texts(output) == ["Fechamos às 18 h"]
    unsent = f"{UNSENT}\nÀs 18 h"
    assert [message.text for message in talk.model.seen[-1]] == [unsent, "Que horas fecha?"]
    assert [message.text for message in await talk.messages()] == [unsent, "Que horas fecha?", "Fechamos às 18 h"]


async def test_a_turn_without_messages_is_refused(talk: Talk) -> None:
    with pytest.raises(ValueError, match="inbound"):
        await talk.turn("t1")


async def test_an_error_does_not_quote_the_customer(talk: Talk) -> None:
    with pytest.raises(ValueError, match="text") as error:
        await talk.turn("t1", {"id": "wamid.1", "kind": "text", "text": {"secret": "segredo"}})
    assert "segredo" not in str(error.value)


async def test_odd_characters_neither_stop_the_turn_nor_come_back(talk: Talk) -> None:
    odd = "a\x00b\ud83d c\udc00 \u202e עברית 👩‍👩‍👧"
    said = "x\x00y\ud800 👍"
    talk.model.prepare(AIMessage(said, tool_calls=[_call("order_status", {"order_id": "1\ud800\x00"})]), said)
    output = await talk.turn("t1", odd)
    assert talk.model.seen[0][0].text == "ab\ufffd c\ufffd \u202e עברית 👩‍👩‍👧"
    assert texts(output) == ["xy\ufffd 👍"]


async def test_a_failing_model_fails_the_run_and_the_next_attempt_goes_on(talk: Talk) -> None:
    talk.model.prepare(ModelDownError("no answer"), "Agora sim")
    with pytest.raises(ModelDownError):
        await talk.turn("t1", "Oi")
    assert (await talk.state())["replies"] == []
    output = await talk.go_on()
    assert (output["turn_id"], texts(output)) == ("t1", ["Agora sim"])


async def test_a_failed_turn_may_be_posted_again_instead(talk: Talk) -> None:
    talk.model.prepare(calls(LOOKUP), ModelDownError("no answer"), "Em separação")
    with pytest.raises(ModelDownError):
        await talk.turn("t1", "Abra um chamado")
    output = await talk.turn("t1", "Abra um chamado")
    assert texts(output) == ["Em separação"]
    assert [message.type for message in await talk.messages()] == ["human", "ai", "tool", "ai"]


async def test_a_turn_posted_again_after_the_models_answer_takes_that_answer(talk: Talk) -> None:
    talk.model.prepare("pronto")
    stopped = talk.graph.astream(
        {"turn_id": "t1", "inbound": [inbound("Oi", "wamid.1")]},
        talk.config,
        context=talk.context,
        durability="sync",
        interrupt_before=["Turn.after_agent"],
    )
    async for _ in stopped:
        pass
    output = await talk.turn("t1", inbound("Oi", "wamid.1"))
    assert texts(output) == ["pronto"]
    assert len(talk.model.seen) == 1


async def test_a_run_continued_without_input_ends_its_turn(talk: Talk) -> None:
    await _stop_before_tools(talk, "t1", calls(LOOKUP))
    talk.model.prepare("Em separação")
    output = await talk.go_on()
    assert (output["turn_id"], texts(output)) == ("t1", ["Em separação"])
    answered = [message for message in await talk.messages() if isinstance(message, ToolMessage)]
    assert [message.tool_call_id for message in answered] == ["call-1"]


async def test_a_turn_cut_off_in_mid_tool_keeps_its_calls_when_posted_again(talk: Talk) -> None:
    await _stop_before_tools(talk, "t1", calls(LOOKUP))
    talk.model.prepare("Em separação")
    await talk.turn("t1", "Abra um chamado")
    answered = [message for message in await talk.messages() if isinstance(message, ToolMessage)]
    assert [(message.tool_call_id, message.status) for message in answered] == [("call-1", "success")]


async def test_dangling_tool_calls_of_a_broken_turn_are_answered_for_the_next(talk: Talk) -> None:
    await _stop_before_tools(talk, "t1", calls(LOOKUP, ("list_orders", {})))
    talk.model.prepare("Como posso ajudar?", "De nada")
    assert texts(await talk.turn("t2", "Alô?")) == ["Como posso ajudar?"]
    assert [message.type for message in talk.model.seen[-1]] == ["human", "ai", "tool", "tool", "ai", "human"]
    assert {message.status for message in talk.model.seen[-1] if isinstance(message, ToolMessage)} == {"error"}
    await talk.turn("t3", "Obrigada")
    assert [message.type for message in talk.model.seen[-1]][-3:] == ["human", "ai", "human"]


async def test_nothing_of_a_long_answer_is_lost(talk: Talk) -> None:
    sentence = "Uma frase que fala de lentes. "
    talk.model.prepare(sentence * 400, sentence * 300)  # it was asked for a shorter one
    assert texts(await talk.turn("t1", "Conte tudo")) == [(sentence * 300).strip()]  # the channel splits it


async def test_an_empty_answer_becomes_our_own_text(talk: Talk) -> None:
    talk.model.prepare("  \n ", "")
    assert texts(await talk.turn("t1", "Oi")) == [TEXTS["empty_answer"]]


async def test_a_text_of_4096_characters_survives(talk: Talk) -> None:
    text = "ã😀" * 2048
    talk.model.prepare(text)
    assert texts(await talk.turn("t1", text)) == [text]
    assert talk.model.seen[0][0].text == text


async def test_the_state_holds_json_and_messages_only(talk: Talk) -> None:
    talk.model.prepare("ok")
    await talk.turn("t1", "Oi")
    state = await talk.state()
    messages = state.pop("messages")
    assert all(isinstance(message, HumanMessage | AIMessage) for message in messages)
    assert not {"inbound", "since"} & set(state)
    assert json.loads(json.dumps(state)) == state


async def _stop_before_tools(talk: Talk, turn_id: str, answer: AIMessage) -> None:
    """Run until the tools were to start, and stop there as if the process was killed."""
    talk.model.prepare(answer)
    run_input = {"turn_id": turn_id, "inbound": [inbound("Abra um chamado", f"wamid.{turn_id}.0")]}
    settings = {"context": talk.context, "durability": "sync", "interrupt_before": ["tools"]}
    async for _ in talk.graph.astream(run_input, talk.config, **settings):
        pass


def _call(name: str, arguments: dict[str, str]) -> dict[str, object]:
    return {"name": name, "args": arguments, "id": "call-1", "type": "tool_call"}


async def test_a_template_is_no_persons_word(talk: Talk) -> None:
    talk.model.prepare("Certo.")
    told = {"author": "business_app", "kind": "template", "text": "Confirma a consulta?", "timestamp": None}
    await talk.turn("t1", "Sim", since=[told, by_a_person("Bom dia")])
    assert [(one.name, one.text) for one in talk.model.seen[0][:2]] == [
        ("mensagem_automatica", "Confirma a consulta?"), ("atendente", "Bom dia"),
    ]  # fmt: skip
