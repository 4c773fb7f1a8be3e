"""The questions that measure the search are none of the knowledge's own, and name titles that exist."""

import pytest

from evals.knowledge.measure import SETS, questions
from graph.knowledge import files
from graph.knowledge.__main__ import DEMO
from graph.knowledge.data import Passage
from graph.knowledge.passages import passages_of
from graph.knowledge.words import words_of, written_out

PASSAGES = [
    passage for path in files.paths_in(DEMO) for text in files.read(path).values() for passage in passages_of(text)
]


def same(text: str) -> str:
    """Return a text as the search reads it: short forms written out, without accents and signs."""
    return " ".join(words_of(written_out(text)))


@pytest.mark.parametrize("name", SETS)
def test_ninety_questions_have_an_answer_and_thirty_have_none(name: str) -> None:
    asked = questions(name)
    assert (len(asked.found), len(asked.unanswerable)) == (90, 30)
    titles = {passage.heading for passage in PASSAGES}
    assert {title for named in asked.found.values() for title in named} <= titles


@pytest.mark.parametrize("name", SETS)
def test_no_question_stands_word_for_word_in_the_knowledge(name: str) -> None:
    asked = questions(name)
    known = [same(text) for passage in PASSAGES for text in _texts(passage)]
    long = [one for one in [*asked.found, *asked.unanswerable] if len(same(one).split()) > 2]
    assert not [one for one in long if any(same(one) in text for text in known)]
    assert not [one for one in [*asked.found, *asked.unanswerable] if same(one) in known]


def _texts(passage: Passage) -> list[str]:
    return [passage.heading, *passage.wordings]


def test_no_question_is_in_both_sets() -> None:
    first, second = ({same(one) for one in [*asked.found, *asked.unanswerable]} for asked in map(questions, SETS))
    assert not first & second
