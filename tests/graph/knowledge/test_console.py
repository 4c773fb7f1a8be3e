"""Questions that got no answer, in groups that ask the same."""

import pytest

from graph.knowledge.console.grouping import joined
from graph.knowledge.tables import Knowledge
from tests.graph.knowledge.conftest import SmallModel

# As customers type; each line asks one thing.
ASKED = (
    ("vcs fazem cirurgia de miopia?", "fazem cirurgia pra miopia", "operam miopia?"),
    ("tem vaga de emprego ai?", "tem vagas de emprego?"),
    ("vende ração pra cachorro?", "vendem racao de cachorro?"),
    ("tem estacionamento gratis pra cliente?", "o estacionamento é grátis?"),
    ("aceita criptomoeda? bitcoin",),
)


@pytest.mark.parametrize("away", [False, True])
async def test_questions_that_ask_the_same_are_together(known: Knowledge, model: SmallModel, away: bool) -> None:
    for texts in ASKED:
        for place, text in enumerate(texts):
            await known.unanswered.add(f"t{place}", text, None, None)
    model.away = away
    groups = await known.grouping.groups(await known.unanswered.newest(100))
    found = {frozenset([one.question, *one.wordings]) for one in groups}
    assert {frozenset(texts) for texts in ASKED[1:]} <= found
    assert [len(one.asked) for one in groups] == sorted((len(one.asked) for one in groups), reverse=True)


def test_groups_do_not_join_along_chains() -> None:
    assert joined(4, {(0, 1), (1, 2), (2, 3)}) == [[0, 1], [2, 3]]


async def test_a_question_of_several_turns_counts_each_time(known: Knowledge) -> None:
    for turn in ("t1", "t2", "t2"):
        await known.unanswered.add(turn, "Vendem ração?", "orders", None)
    [group] = await known.grouping.groups(await known.unanswered.newest(10))
    assert (len(group.asked), group.wordings, group.department) == (2, [], "orders")
