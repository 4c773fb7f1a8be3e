"""Nothing is changed before a yes; a yes works once, in time, also after a restart."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from graph.prompts import TEXTS
from graph.server import persistence
from graph.tools.changes import CHANGES, TOO_SOON
from graph.tools.common import ASKING, ONE_AT_A_TIME
from tests.graph.support.talk import NOON, ModelDownError, Talk, by_a_person, calls, context, inbound, tap, texts

TICKET = ("create_ticket", {"subject": "Lente riscada", "description": "Chegou riscada", "priority": "high"})
CANCEL = ("cancel_order", {"order_id": "12345"})
MOMENT = datetime.fromisoformat(NOON)


def later(minutes: float) -> str:
    return (MOMENT + timedelta(minutes=minutes)).isoformat()


def tickets(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT id, subject, priority FROM business.tickets ORDER BY id").fetchall()


def order(database: str, number: str = "12345") -> tuple[Any, ...] | None:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT stage, address FROM business.orders WHERE id = %s", [number]).fetchone()


async def ask(talk: Talk, wish: tuple[str, dict[str, Any]] = TICKET, turn: str = "ask") -> Any:
    talk.model.prepare(calls(wish))
    return await talk.turn(turn, "Por favor")


async def test_a_change_is_asked_about_with_two_buttons_and_one_model_call(talk: Talk, database: str) -> None:
    output = await ask(talk)
    assert output["replies"] == [
        {
            "type": "buttons",
            "body": "Posso abrir este chamado?\n*Lente riscada*\nPrioridade: alta\nChegou riscada",
            "verbatim": True,
            "buttons": output["replies"][0]["buttons"],
        }
    ]
    buttons = output["replies"][0]["buttons"]
    assert [button["title"] for button in buttons] == ["Sim", "Não"]
    assert [button["id"].split(":")[0] for button in buttons] == ["confirm", "drop"]
    assert len(talk.model.seen) == 1
    assert tickets(database) == []


async def test_a_tap_on_yes_makes_it_happen_and_the_model_words_it(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Prontinho!")
    output = await talk.turn("t2", tap(asked, "Sim"))
    assert texts(output) == ["Prontinho!"]
    [(number, subject, priority)] = tickets(database)
    assert (subject, priority) == ("Lente riscada", "high")
    assert talk.model.seen[-1][-1].text == f"Chamado {number} aberto: Lente riscada"
    assert (await talk.state())["pending"] == []


async def test_no_means_no(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Tudo bem.", "Como posso ajudar?")
    await talk.turn("t2", tap(asked, "Não"))
    await talk.turn("t3", "sim")  # to nothing
    assert tickets(database) == []


async def test_a_yes_to_a_person_is_no_yes_to_the_agents_question(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Às ordens!", "Prontinho!")
    await talk.turn("t2", "sim", since=[by_a_person("Aqui é a Ana. Posso ligar para você?")])
    assert tickets(database) == []
    await talk.turn("t3", tap(asked, "Sim"), since=[by_a_person("Toque em sim acima, por favor.")])
    assert len(tickets(database)) == 1


async def test_a_question_that_never_reached_the_customer_cannot_be_answered(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare("Como posso ajudar?")
    await talk.turn("t2", "sim", unsent="ask")
    assert tickets(database) == []
    assert (await talk.state())["pending"] == []
    assert "confirm_change" not in talk.model.tools[-1]


async def test_an_old_button_does_nothing_again(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Pronto", "Já está aberto")
    await talk.turn("t2", tap(asked, "Sim"))
    await talk.turn("t3", tap(asked, "Sim"))
    assert len(tickets(database)) == 1
    assert "nada foi feito" in talk.model.seen[-1][-1].text


async def test_a_yes_that_comes_late_does_nothing(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Quer que eu abra de novo?")
    await talk.turn("t2", tap(asked, "Sim", timestamp=later(31)))
    assert tickets(database) == []
    assert "depois do prazo" in talk.model.seen[-1][-1].text
    assert (await talk.state())["pending"] == []


async def test_the_question_survives_a_restart(talk: Talk, database: str) -> None:
    await ask(talk)
    async with persistence.checkpointer() as saver, persistence.store() as store:
        again = Talk(saver, store)
        again.config, again.context = talk.config, talk.context
        again.model.prepare("Pronto")
        await again.turn("t2", "Sim!")
    assert len(tickets(database)) == 1


async def test_a_yes_in_other_words_has_the_question_shown_again(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare(calls(("confirm_change", {}), start=2), "Pronto")
    again = await talk.turn("t2", "pode abrir sim, meu bem, obrigada viu")
    assert "Esperando a confirmação do cliente" in talk.model.instructions
    assert "confirm_change" in talk.model.tools[1]
    assert again["replies"] == asked["replies"]
    assert tickets(database) == []
    await talk.turn("t3", "sim")
    assert len(tickets(database)) == 1


async def test_a_no_in_other_words_too(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare(calls(("drop_change", {}), start=2), "Tudo bem", "Oi")
    await talk.turn("t2", "ah, quer saber? deixa isso pra semana que vem")
    await talk.turn("t3", "sim")
    assert tickets(database) == []


async def test_the_model_cannot_say_yes_in_the_customers_place(talk: Talk, database: str) -> None:
    talk.model.prepare(
        calls(TICKET, ("order_status", {"order_id": "1"})), calls(("confirm_change", {}), start=3), "Posso?"
    )
    await talk.turn("t1", "Oi")
    assert talk.model.seen[-1][-1].text == TOO_SOON
    assert tickets(database) == []


async def test_another_matter_meanwhile_leaves_the_question_open_for_its_own_button(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Sim, abrimos às 9h. Quer o endereço?", "Pronto")
    await talk.turn("t2", "vocês abrem amanhã?")
    await talk.turn("t3", tap(asked, "Sim"))
    assert len(tickets(database)) == 1


async def test_a_plain_yes_is_about_what_was_shown_last(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare("Abrimos às 9h. Quer o endereço?", calls(("confirm_change", {}), start=2), "Pronto")
    await talk.turn("t2", "vocês abrem amanhã?")
    again = await talk.turn("t3", "ok")
    assert tickets(database) == []
    assert [reply["type"] for reply in again["replies"]] == ["buttons"]
    await talk.turn("t4", "ok")
    assert len(tickets(database)) == 1


async def test_a_new_question_replaces_the_old_one(talk: Talk, database: str) -> None:
    talk.context = context(department="orders")
    first = await ask(talk)
    await ask(talk, CANCEL, "ask2")
    talk.model.prepare("Pronto", "Nada")
    await talk.turn("t3", "sim")
    await talk.turn("t4", tap(first, "Sim"))
    assert tickets(database) == []
    assert order(database) is not None
    assert (order(database) or [""])[0] == "cancelled"


async def test_an_order_is_cancelled_or_moved_only_while_it_is_open(talk: Talk, database: str) -> None:
    talk.context = context(department="orders")
    moved = ("change_address", {"order_id": "12345", "address": "Rua Nova, 7, Campinas - SP"})
    output = await ask(talk, moved)
    assert "Rua Nova, 7" in texts(output)[0]
    talk.model.prepare("Pronto")
    await talk.turn("t2", "confirmo")
    assert order(database) == ("open", "Rua Nova, 7, Campinas - SP")
    talk.model.prepare(calls(("cancel_order", {"order_id": "67890"}), start=5), "Já foi enviado.")
    output = await talk.turn("t3", "cancela o 67890")
    assert output["replies"][0]["type"] == "text"
    assert "não pode mais ser alterado" in talk.model.seen[-1][-1].text


async def test_an_order_that_was_sent_meanwhile_is_not_cancelled(talk: Talk, database: str) -> None:
    talk.context = context(department="orders")
    await ask(talk, CANCEL)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE business.orders SET stage = 'shipped', status = 'Enviado' WHERE id = '12345'")
    talk.model.prepare("Não deu.")
    await talk.turn("t2", "sim")
    assert talk.model.seen[-1][-1].text == "O pedido 12345 não pode mais ser alterado: Enviado."
    assert (order(database) or [""])[0] == "shipped"


LONG = " ".join(f"A lente número {number} chegou riscada." for number in range(90))


async def test_a_long_question_is_asked_whole_in_two_messages(talk: Talk, database: str) -> None:
    output = await ask(talk, ("create_ticket", {"subject": "Lentes riscadas", "description": LONG}))
    text, asked = output["replies"]
    assert (text["type"], asked["type"]) == ("text", "buttons")
    assert LONG in " ".join(f"{text['text']} {asked['body']}".split())
    assert asked["body"].endswith(TEXTS["ask_all"])
    talk.model.prepare("Pronto")
    await talk.turn("t2", "sim")
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT description FROM business.tickets").fetchone() == (LONG,)


async def test_a_question_too_long_to_be_read_is_not_asked(talk: Talk, database: str) -> None:
    talk.model.prepare(calls(("create_ticket", {"subject": "a" * 200, "description": "b" * 4000})), "Pode resumir?")
    output = await talk.turn("t1", "Abra um chamado")
    assert texts(output) == ["Pode resumir?"]
    assert "Nada foi perguntado" in talk.model.seen[-1][-1].text
    assert not (await talk.state()).get("pending")


async def test_nothing_is_stored_that_nobody_can_see(talk: Talk, database: str) -> None:
    hidden = "Rua Nova, 7\u202e\u200b\n\n\n\n\x07 Campinas"
    talk.context = context(department="orders")
    asked = await ask(talk, ("change_address", {"order_id": "12345", "address": hidden}))
    assert asked["replies"][0]["body"].endswith("\nRua Nova, 7 Campinas")
    talk.model.prepare("Pronto")
    await talk.turn("t2", "sim")
    assert order(database) == ("open", "Rua Nova, 7 Campinas")


NEWS = ("ask_choice", {"question": "Quer receber nossas novidades?", "options": ["Sim", "Não"]})
LOOK = ("order_status", {"order_id": "12345"})


@pytest.mark.parametrize(
    "beside", [NEWS, LOOK, ("list_orders", {}), ("store_info", {}), ("request_human", {"reason": "x"})]
)
@pytest.mark.parametrize("first", [True, False])
async def test_the_question_is_a_message_of_its_own_whatever_is_called_with_it(
    talk: Talk, database: str, beside: tuple[str, dict[str, Any]], first: bool
) -> None:
    talk.context = context(department="orders")
    talk.model.prepare(calls(*((CANCEL, beside) if first else (beside, CANCEL))), "Quer receber nossas novidades?")
    output = await talk.turn("t1", "Oi")
    assert output["replies"][-1]["body"] == "Confirma o cancelamento do pedido 12345?"
    assert not {"buttons", "list"} & {reply["type"] for reply in output["replies"][:-1]}
    talk.model.prepare("Quer sim?")
    await talk.turn("t2", "sim")  # to what?
    assert order(database) == ("open", order(database)[1])  # type: ignore[index]  # there is one


async def test_two_changes_in_one_turn_are_not_asked_about_together(talk: Talk, database: str) -> None:
    talk.context = context(department="orders")
    output = await ask(talk, TICKET)
    talk.model.prepare(calls(CANCEL, TICKET, start=5), calls(TICKET, start=7), "Primeiro isto.")
    output = await talk.turn("t2", "cancela e abre um chamado")
    assert [message.text for message in talk.model.seen[-1] if message.type == "tool"][-2:] == [ONE_AT_A_TIME] * 2
    assert output["replies"][-1]["body"] == "Confirma o cancelamento do pedido 12345?"
    talk.model.prepare("Pronto")
    await talk.turn("t3", tap(output, "Sim"))
    assert order(database) == ("cancelled", "Rua das Flores, 100, São Paulo - SP, 01001-000")
    assert tickets(database) == []


async def test_an_objection_after_the_yes_counts(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("O que mudou?")
    await talk.turn("t2", tap(asked, "Sim", wamid="wamid.1"), inbound("não, espera", "wamid.2"))
    assert tickets(database) == []
    assert "nada foi feito ainda" in talk.model.seen[-1][-1].text


async def test_a_question_about_another_matter_is_no_yes(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare(calls(("confirm_change", {}), start=2), "ok")
    await talk.turn("t2", "Espera, qual é mesmo o endereço da loja?")
    assert tickets(database) == []


async def test_an_apology_in_between_is_what_was_shown_last(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare("Como posso ajudar?")
    await talk.turn("t3", "ok", unsent="t2")  # of which the graph knows nothing
    assert tickets(database) == []


async def test_words_that_were_written_before_the_question_left_are_no_answer_to_it(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Um momento!", "Pronto")
    await talk.turn("t2", "ok", early=True)
    assert tickets(database) == []
    await talk.turn("t3", tap(asked, "Sim"), early=True)  # who taps has seen it
    assert len(tickets(database)) == 1


async def test_a_turn_that_was_cut_off_after_the_yes_carries_out_once(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare(ModelDownError("away"))
    with pytest.raises(ModelDownError):
        await talk.turn("t2", tap(asked, "Sim"))
    talk.model.prepare("Pronto")
    await talk.go_on()
    assert len(tickets(database)) == 1


def test_the_tools_that_ask_are_those_that_change() -> None:
    assert {*CHANGES, "confirm_change"} == ASKING


async def test_the_yes_twice_in_one_turn_happens_once(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Pronto")
    await talk.turn("t2", tap(asked, "Sim", wamid="wamid.1"), inbound("sim", "wamid.2"))
    await talk.turn("t2", tap(asked, "Sim", wamid="wamid.1"), inbound("sim", "wamid.2"))
    assert len(tickets(database)) == 1
