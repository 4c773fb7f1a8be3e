"""The answer that people are shown when they try a text."""

import pytest

from graph import knowledge_answer
from graph.knowledge.routes import Trial
from graph.knowledge.tables import Knowledge
from graph.knowledge_answer import answer
from graph.policy import danger
from tests.graph.knowledge.conftest import PIX, published
from tests.graph.support.talk import ModelDownError, ScriptedModel


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    one = ScriptedModel()
    monkeypatch.setattr(knowledge_answer, "chat_model", lambda _: one)
    return one


async def test_the_model_reads_the_passages_of_a_draft_and_names_them(
    known: Knowledge, scripted: ScriptedModel
) -> None:
    draft = await known.sources.write(PIX)
    scripted.prepare("Sim, aceitamos Pix [1].")
    got = await answer(Trial(question="aceita pix?", source_id=draft.source_id))
    assert (got.text, [one["source"] for one in got.used]) == ("Sim, aceitamos Pix.", [str(draft.source_id)])
    assert "Aceitamos Pix" in scripted.seen[-1][-1].text


async def test_a_question_in_vain_is_answered_and_not_noted(known: Knowledge, scripted: ScriptedModel) -> None:
    await published(known, PIX)
    scripted.prepare("Não tenho essa informação.")
    got = await answer(Trial(question="Vendem ração?"))
    assert (got.text, got.used) == ("Não tenho essa informação.", [])
    assert await known.unanswered.newest(1) == []


async def test_danger_keeps_its_answer_and_a_model_that_is_away_is_said(
    known: Knowledge, scripted: ScriptedModel
) -> None:
    assert (await answer(Trial(question="meu olho está doendo"))).text == danger.ANSWER
    scripted.prepare(ModelDownError("down"))
    with pytest.raises(TimeoutError):
        await answer(Trial(question="aceita pix?"))
