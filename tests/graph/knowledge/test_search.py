"""The search: words as customers type them, and vectors beside them."""

import pytest

from graph.knowledge.data import Text
from graph.knowledge.passages import PASSAGE_LIMIT, passages_of
from graph.knowledge.tables import Knowledge
from graph.knowledge.vectors import PAUSE_SECONDS
from graph.knowledge.words import asked_words, written_out
from tests.graph.knowledge.conftest import PIX, SmallModel, published, question

INVOICE = question("Vocês emitem nota fiscal?", "Sim, a nota vai por e-mail.")
SLEEP = question("Posso dormir com as lentes?", "Não durma com as lentes.")
CLEAN = question("Como limpo os óculos?", "Com água e sabão neutro.")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("VCS ACEITAM PIX??", PIX),
        ("nf", INVOICE),
        ("voces emitem nota fiscal", INVOICE),
        ("como limpo o oculos", CLEAN),
        ("formas de pagamneto", PIX),
        ("dormir de lente pode?", SLEEP),
    ],
)
@pytest.mark.parametrize("away", [False, True])
async def test_questions_are_understood_as_customers_type_them(
    known: Knowledge, model: SmallModel, asked: str, answer: Text, away: bool
) -> None:
    for text in (PIX, INVOICE, SLEEP, CLEAN):
        await published(known, text)
    model.away = away
    assert (await known.search.find(asked, 1))[0].body == answer.content


async def test_a_model_that_took_too_long_delays_one_question_and_not_all(known: Knowledge, model: SmallModel) -> None:
    now = 0.0
    known.vectors._clock = lambda: now
    model.away = True
    assert await known.vectors.of_texts(["Pix?"]) is None
    model.away = False
    assert await known.vectors.of_texts(["Pix?"]) is None
    now = PAUSE_SECONDS
    assert await known.vectors.of_texts(["Pix?"])


@pytest.mark.parametrize(
    "asked", ["qual a capital da austrália?", "vende ração pra cachorro", "?", "🙂", "' OR 1=1 --"]
)
async def test_nothing_is_found_for_what_nobody_wrote_down(known: Knowledge, asked: str) -> None:
    for text in (PIX, INVOICE, SLEEP, CLEAN):
        await published(known, text)
    assert await known.search.find(asked, 5) == []


async def test_a_draft_can_be_tried(known: Knowledge) -> None:
    await published(known, PIX)
    draft = await known.sources.write(INVOICE)
    where = {"source_id": draft.source_id, "state": "draft"}
    assert [one.body for one in await known.search.candidates("nota fiscal", **where)] == [INVOICE.content]


def test_short_forms_are_written_out() -> None:
    assert written_out("vcs tem NF?") == "vocês tem nota fiscal?"
    assert asked_words("Vcs têm a NF do meu pedido?") == ["nota", "fiscal", "pedido"]
    assert asked_words("como faço?") == ["como", "faco"]


def test_a_document_is_cut_into_passages_with_their_headings() -> None:
    long = "Uma frase. " * 200
    content = (
        f"# Guia\nAntes.\n\n## Limpar\n{long}\n\n### Estojo\nTroque.\n```\n# isto é código\n```\n## Guardar\n- a\n- b"
    )
    found = passages_of(Text(kind="markdown", title="Guia", content=content))
    assert all(len(one.body) <= PASSAGE_LIMIT for one in found)
    titles = list(dict.fromkeys(one.title for one in found))
    assert titles == ["Guia", "Guia › Limpar", "Guia › Limpar › Estojo", "Guia › Guardar"]
    assert "# isto é código" in found[-2].body
    whole = " ".join(one.body for one in found)
    assert whole.count("Uma frase.") == 200


def test_a_text_without_an_end_is_cut_too() -> None:
    found = passages_of(Text(kind="markdown", title="x", content="a" * 10_000))
    assert sum(len(one.body) for one in found) == 10_000
    assert max(len(one.body) for one in found) <= 2 * PASSAGE_LIMIT
