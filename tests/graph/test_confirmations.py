"""Nothing is changed before a yes; a yes works once, in time, also after a restart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import persistence
from graph.confirmations import call_id, decide
from graph.state import Inbound, Pending
from graph.tools.changes import TOO_SOON
from tests.graph.talk import NOON, Talk, by_a_person, calls, context, inbound, tap, texts

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
            "body": "Posso abrir este chamado?\n*Lente riscada*\nChegou riscada",
            "buttons": [{"id": "confirm:ask", "title": "Sim"}, {"id": "drop:ask", "title": "Não"}],
        }
    ]
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


async def test_a_yes_in_other_words_is_read_by_the_model(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare(calls(("confirm_change", {}), start=2), "Pronto")
    await talk.turn("t2", "pode abrir sim, meu bem, obrigada viu")
    assert "Esperando a confirmação do cliente" in talk.model.instructions or tickets(database)
    assert "confirm_change" in talk.model.tools[1]
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


async def test_another_matter_meanwhile_leaves_the_question_open(talk: Talk, database: str) -> None:
    await ask(talk)
    talk.model.prepare("Sim, abrimos às 9h.", "Pronto")
    await talk.turn("t2", "vocês abrem amanhã?")
    await talk.turn("t3", "sim")
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


async def test_a_question_about_a_long_text_fits_whatsapp(talk: Talk) -> None:
    output = await ask(talk, ("create_ticket", {"subject": "a" * 200, "description": "b" * 4000}))
    assert len(output["replies"][0]["body"]) <= 1024


PENDING = [Pending(id="a:c", turn_id="a", tool="t", arguments={}, question="?", expires_at=later(30))]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Sim", "yes"), ("SIM!!", "yes"), ("sim, por favor.", "yes"), ("pode", "yes"), ("👍", "yes"), ("Não.", "no"),
        ("nao quero", "no"), ("❌", "no"), ("sim mas troca o assunto", "open"), ("não sei", "open"), ("", "open"),
    ],
)  # fmt: skip
def test_plain_answers_are_understood_and_others_left_to_the_model(said: str, meant: str) -> None:
    assert decide(PENDING, [Inbound(id="w", text=said)], MOMENT) == meant


@given(st.lists(st.sampled_from(["sim", "não", "e o pedido?", "👍"]), min_size=1, max_size=5))
def test_a_no_counts_more_than_any_yes(said: list[str]) -> None:
    meant = decide(PENDING, [Inbound(id=str(n), text=text) for n, text in enumerate(said)], MOMENT)
    expected = "no" if "não" in said else "yes" if {"sim", "👍"} & set(said) else "open"
    assert meant == expected


@given(st.text(max_size=60), st.datetimes(timezones=st.just(UTC)))
def test_without_a_question_no_words_decide_anything(said: str, moment: datetime) -> None:
    assert decide([], [Inbound(id="w", text=said)], moment) == "open"


@given(st.text(min_size=1))
def test_the_id_of_the_call_is_the_turns_and_short_enough_for_openai(turn_id: str) -> None:
    assert call_id(turn_id) == call_id(turn_id)
    assert len(call_id(turn_id)) <= 40


async def test_the_yes_twice_in_one_turn_happens_once(talk: Talk, database: str) -> None:
    asked = await ask(talk)
    talk.model.prepare("Pronto")
    await talk.turn("t2", tap(asked, "Sim", wamid="wamid.1"), inbound("sim", "wamid.2"))
    await talk.turn("t2", tap(asked, "Sim", wamid="wamid.1"), inbound("sim", "wamid.2"))
    assert len(tickets(database)) == 1
