"""The facts that are kept beyond a conversation, and the summary of a long one."""

import uuid

import pytest

from graph.policy import memory
from graph.prompts import TEXTS
from graph.settings import settings
from graph.tools.changes import ALL_ASKED, ALL_BEGINS
from graph.tools.profile import QUESTIONS
from graph.turn.summary import tokens
from tests.graph.support.talk import ModelDownError, Talk, calls, context, texts

NOTES, EVERYTHING = (("forget", {"what": what}) for what in ("notes", "everything"))


async def test_a_fact_is_known_in_the_next_conversation_and_to_nobody_else(talk: Talk) -> None:
    talk.model.prepare(calls(("remember", {"fact": "Prefere ser chamada de Mari"})), "Anotado!", "Oi, Mari!", "Oi!")
    await talk.turn("t1", "Me chame de Mari")
    talk.config = {"configurable": {"thread_id": str(uuid.uuid4())}}
    await talk.turn("t2", "Oi")
    assert "- Prefere ser chamada de Mari" in talk.model.instructions
    talk.context = context()
    talk.config = {"configurable": {"thread_id": str(uuid.uuid4())}}
    await talk.turn("t3", "Oi")
    assert "Mari" not in talk.model.instructions


async def test_the_customer_sees_what_is_known_and_has_it_erased_by_asking(talk: Talk) -> None:
    talk.model.prepare(calls(("remember", {"fact": "Grau -2"}), ("remember", {"fact": "grau  -2"})), "ok")
    await talk.turn("t1", "Meu grau é -2")
    talk.model.prepare(calls(("show_profile", {}), start=5), "Sei o seu grau.")
    await talk.turn("t2", "O que você sabe de mim?")
    assert talk.model.seen[-1][-1].text == "- grau -2"
    talk.model.prepare(calls(NOTES, start=6), "Apaguei.")
    assert texts(await talk.turn("t3", "Apague tudo")) == [TEXTS["ask_erase"]]
    assert "grau -2" in talk.model.instructions
    await talk.turn("t4", "Sim")
    assert "grau -2" not in talk.model.instructions
    assert await memory.facts(talk.store, [talk.context["customer_id"]]) == []


async def test_the_profile_of_a_contact_that_became_part_of_the_customer_is_shown_and_forgotten(talk: Talk) -> None:
    assert talk.store is not None
    former = str(uuid.uuid4())
    await memory.remember(talk.store, former, "Prefere armação azul")
    talk.context["customer_keys"] = [*talk.context["customer_keys"], {"kind": "former_id", "value": former}]
    talk.model.prepare(calls(("show_profile", {})), "Sei a cor.", calls(NOTES, start=2), "Apaguei.")
    await talk.turn("t1", "O que você sabe de mim?")
    assert talk.model.seen[-1][-1].text == "- Prefere armação azul"
    assert "Prefere armação azul" in talk.model.instructions
    await talk.turn("t2", "Esqueça")
    await talk.turn("t3", "Sim")
    assert await memory.facts(talk.store, [former]) == []


async def test_what_is_said_after_forgetting_names_what_stays(talk: Talk) -> None:
    talk.model.prepare(calls(("remember", {"fact": "Grau -2"})), "ok", calls(NOTES, start=2), "Apaguei.")
    await talk.turn("t1", "Meu grau é -2")
    await talk.turn("t2", "Apague tudo")
    await talk.turn("t3", "Sim")
    told = talk.model.seen[-1][-1].text
    assert "As anotações do perfil deste cliente foram apagadas." in told
    assert "Mensagens, pedidos e chamados continuam guardados." in told
    assert "Tudo" not in told


@pytest.mark.parametrize("how", ["request", "immediate"])
async def test_who_wants_everything_erased_is_told_what_follows_and_asked(talk: Talk, how: str) -> None:
    assert talk.store is not None
    talk.context["erasure"] = how
    await memory.remember(talk.store, talk.context["customer_id"], "Grau -2")
    talk.model.prepare(calls(EVERYTHING), "Combinado.", "De nada")
    asked = await talk.turn("t1", "Apague todos os meus dados")
    assert texts(asked) == [TEXTS[QUESTIONS[how]]]
    assert asked.get("erasure") is None
    assert (await talk.turn("t2", "Sim"))["erasure"] == how
    assert (ALL_BEGINS if how == "immediate" else ALL_ASKED) in talk.model.seen[-1][-1].text
    assert await memory.facts(talk.store, [talk.context["customer_id"]])  # the gateway erases, and not the run
    assert (await talk.turn("t2", "Sim"))["erasure"] == how  # posted again
    assert (await talk.turn("t3", "Obrigada"))["erasure"] is None


async def test_a_yes_to_a_request_never_erases_at_once(talk: Talk) -> None:
    for asked, now in (("request", "immediate"), ("immediate", "request")):
        talk.begin()
        talk.context["erasure"] = asked
        talk.model.prepare(calls(EVERYTHING), "Combinado.")
        await talk.turn("t1", "Apague todos os meus dados")
        talk.context["erasure"] = now
        assert (await talk.turn("t2", "Sim"))["erasure"] == "request"


@pytest.mark.parametrize("level", ["changes_need_proof", "stages_only", "unverified"])
async def test_also_a_number_in_doubt_may_ask_for_it(talk: Talk, level: str) -> None:
    talk.context["verification"] = level
    talk.model.prepare(calls(EVERYTHING), "Combinado.")
    await talk.turn("t1", "Apague todos os meus dados")
    assert (await talk.turn("t2", "Sim"))["erasure"] == "request"


async def test_a_no_asks_for_nothing(talk: Talk) -> None:
    talk.model.prepare(calls(EVERYTHING), "Tudo bem, nada foi apagado.")
    await talk.turn("t1", "Apague todos os meus dados")
    assert (await talk.turn("t2", "Não"))["erasure"] is None


async def test_only_so_many_facts_are_kept_the_newest(talk: Talk) -> None:
    assert talk.store is not None
    for number in range(memory.FACTS_KEPT + 5):
        await memory.remember(talk.store, "c", f"fato {number} {'x' * 500}")
    known = await memory.facts(talk.store, ["c"])
    assert len(known) == memory.FACTS_KEPT
    assert known[-1].startswith(f"fato {memory.FACTS_KEPT + 4}")
    assert all(len(fact) <= memory.FACT_LENGTH for fact in known)


async def test_without_a_customer_nothing_is_kept(talk: Talk) -> None:
    talk.context = context(customer_id="")
    talk.model.prepare(calls(("remember", {"fact": "x"})), "ok")
    await talk.turn("t1", "Oi")
    assert talk.model.seen[-1][-1].text == "Não é possível guardar nem consultar lembranças aqui."


@pytest.fixture
def small_budget(environment: pytest.MonkeyPatch) -> int:
    environment.setenv("HISTORY_TOKENS", "500")
    settings.cache_clear()
    return 500


async def fill(talk: Talk, turns: int) -> None:
    """Run this many turns of about 70 tokens."""
    for number in range(turns):
        talk.model.prepare(f"resposta {number} " + "bla " * 20)
        await talk.turn(f"fill{number}", f"pergunta {number} " + "bla " * 20)


async def test_a_long_history_becomes_a_summary_and_its_last_turns(talk: Talk, small_budget: int) -> None:
    await fill(talk, 8)
    before = tokens(await talk.messages())
    assert before > small_budget
    talk.model.prepare("Em aberto: troca prometida até sexta.", "Claro!")
    assert texts(await talk.turn("t1", "E então?")) == ["Claro!"]
    kept = await talk.messages()
    assert tokens(kept) < small_budget
    assert [message.text for message in kept][-2:] == ["E então?", "Claro!"]
    assert kept[0].type == "human"
    assert "Em aberto: troca prometida até sexta." in talk.model.instructions
    asked = talk.model.seen[-2][-1].text
    assert "Cliente: pergunta 0" in asked
    assert "Empresa: resposta 0" in asked


async def test_numbers_of_orders_and_tickets_outlive_a_bad_summary(talk: Talk, small_budget: int) -> None:
    talk.model.prepare(calls(("order_status", {"order_id": "12345"})), "Em separação")
    await talk.turn("t0", "pedido 12345")
    await fill(talk, 7)
    talk.model.prepare("O cliente conversou.", "Claro!")
    await talk.turn("t1", "E então?")
    assert "Também citados: Pedido 12345" in talk.model.instructions


async def test_a_question_that_waits_outlives_the_summary(talk: Talk, small_budget: int) -> None:
    await fill(talk, 8)
    talk.model.prepare("Resumo.", calls(("create_ticket", {"subject": "Lente", "description": "Riscada"})))
    await talk.turn("t1", "Abra um chamado")
    talk.model.prepare("Aberto")
    await talk.turn("t2", "sim")
    assert "Chamado" in talk.model.seen[-1][-1].text


async def test_the_next_summary_starts_from_the_last_one(talk: Talk, small_budget: int) -> None:
    await fill(talk, 8)
    talk.model.prepare("RESUMO UM", "ok")
    await talk.turn("t1", "bla " * 300)
    talk.model.prepare("RESUMO DOIS", "ok")
    await talk.turn("t2", "Oi")
    assert talk.model.seen[-2][-1].text.startswith("Resumo anterior:\nRESUMO UM")
    assert "RESUMO DOIS" in talk.model.instructions


async def test_a_summary_that_fails_costs_nobody_the_answer(talk: Talk, small_budget: int) -> None:
    await fill(talk, 8)
    talk.model.prepare(ModelDownError("away"), "Claro!")
    assert texts(await talk.turn("t1", "E então?")) == ["Claro!"]
    assert len(await talk.messages()) == 18
