"""The questions that measure the search are none of the knowledge's own, and name titles that exist."""

import pytest

from evals.knowledge.calibrate import Example, fitted
from evals.knowledge.measure import CALIBRATION, SETS, questions
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


@pytest.mark.parametrize("name", SETS.values())
def test_ninety_questions_have_an_answer_and_thirty_have_none(name: str) -> None:
    asked = questions(name)
    assert (len(asked.found), len(asked.unanswerable)) == (90, 30)
    titles = {passage.heading for passage in PASSAGES}
    assert {title for named in asked.found.values() for title in named} <= titles


@pytest.mark.parametrize("name", [*SETS.values(), CALIBRATION])
def test_no_question_stands_word_for_word_in_the_knowledge(name: str) -> None:
    asked = questions(name)
    known = [same(text) for passage in PASSAGES for text in _texts(passage)]
    long = [one for one in [*asked.found, *asked.unanswerable] if len(same(one).split()) > 2]
    assert not [one for one in long if any(same(one) in text for text in known)]
    assert not [one for one in [*asked.found, *asked.unanswerable] if same(one) in known]


def _texts(passage: Passage) -> list[str]:
    return [passage.heading, *passage.wordings]


def test_no_question_is_in_two_sets() -> None:
    files = [*SETS.values(), CALIBRATION]
    asked = [same(one) for file in files for one in [*questions(file).found, *questions(file).unanswerable]]
    assert len(asked) == len(set(asked))


def test_the_calibration_names_titles_that_exist() -> None:
    titles = {passage.heading for passage in PASSAGES}
    assert {title for named in questions(CALIBRATION).found.values() for title in named} <= titles


def test_a_rule_is_fitted_to_what_tells_the_questions_apart() -> None:
    constant, by_first, by_second = fitted([Example((place / 20, 0.5), place > 9) for place in range(20)])
    assert by_first > 5
    assert constant + by_first * 0.2 + by_second * 0.5 < 0 < constant + by_first * 0.8 + by_second * 0.5
