"""The calls that Meta allows, and the queue for them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from k8s.meta.budget import Budget, Queue


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@example([1.087117148510199, 0.0, 0.0], 1)  # 100 s later is a hair less than 100 s later, in floats
@given(st.lists(st.floats(min_value=0, max_value=200, allow_nan=False), max_size=60), st.integers(1, 5))
def test_who_waits_as_told_never_makes_too_many_calls_in_any_window(pauses: list[float], limit: int) -> None:
    clock, made = Clock(), []
    budget = Budget(limit, clock, window=100)
    for pause in pauses:
        clock.now += pause
        clock.now += budget.wait_seconds()
        budget.spend()
        made.append(clock.now)
    for first in made:
        assert sum(first <= one < first + 100 - 1e-6 for one in made) <= limit


def test_all_calls_may_be_made_at_once_and_then_none_for_the_rest_of_the_window() -> None:
    clock = Clock()
    budget = Budget(3, clock, window=100)
    for _ in range(3):
        assert budget.wait_seconds() == 0
        budget.spend()
    clock.now += 40
    assert (budget.left(), budget.wait_seconds()) == (0, 60)
    clock.now += 60
    assert (budget.left(), budget.wait_seconds()) == (3, 0)


def test_a_reserve_is_left_for_others() -> None:
    clock = Clock()
    budget = Budget(4, clock, window=100)
    for _ in range(2):
        budget.spend()
        clock.now += 10
    assert budget.wait_seconds(reserve=1) == 0
    assert budget.wait_seconds(reserve=2) == 80
    assert budget.wait_seconds() == 0


def test_a_pause_that_meta_asked_for_counts_too() -> None:
    clock = Clock()
    budget = Budget(4, clock)
    budget.pause(30)
    budget.pause(10)
    assert budget.wait_seconds() == 30
    clock.now += 31
    assert budget.wait_seconds() == 0


def test_a_limit_smaller_than_the_reserve_still_ends_waiting() -> None:
    clock = Clock()
    budget = Budget(1, clock, window=100)
    assert budget.wait_seconds(reserve=5) == 0
    budget.spend()
    assert budget.wait_seconds(reserve=5) == 100


def test_what_was_spent_over_the_limit_has_to_be_waited_for_too() -> None:
    clock = Clock()
    budget = Budget(3, clock, window=100)
    for _ in range(5):  # the pages of a list are counted afterwards
        budget.spend()
        clock.now += 10
    assert budget.wait_seconds() == 70  # until the third of the five is forgotten
    clock.now += 70
    assert (budget.wait_seconds(), budget.left()) == (0, 1)


def test_what_meta_counts_more_than_we_made_is_left_out_too() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    budget.spend()
    budget.take_meta_count(0.80)
    assert budget.left() == 42  # one per cent may be rounding
    assert budget.wait_seconds() == 0
    assert budget.wait_seconds(reserve=60) == 300
    budget.take_meta_count(0.02)
    assert (budget.left(), budget.wait_seconds(reserve=60)) == (198, 0)


def test_metas_count_is_believed_until_there_could_be_a_newer_one() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    budget.take_meta_count(1.5)
    assert (budget.left(), budget.wait_seconds()) == (0, 300)
    clock.now += 300
    assert (budget.left(), budget.wait_seconds()) == (200, 0)


STEPS = st.one_of(
    st.tuples(st.just("spend"), st.just(0)),
    st.tuples(st.just("told"), st.floats(min_value=0, max_value=1e308)),
    st.tuples(st.just("pause"), st.integers(0, 500)),
    st.tuples(st.just("later"), st.integers(0, 2000)),
)


@given(st.lists(STEPS, max_size=40), st.integers(1, 20), st.integers(0, 25))
def test_whatever_happened_who_waits_as_told_may_call(steps: list[tuple[str, float]], limit: int, reserve: int) -> None:
    clock = Clock()
    budget = Budget(limit, clock, window=1000)
    for kind, value in steps:
        match kind:
            case "spend":
                budget.spend()
            case "told":
                budget.take_meta_count(value)
            case "pause":
                budget.pause(value)
            case _:
                clock.now += value
        assert 0 <= budget.left() <= limit
        assert 0 <= budget.wait_seconds() <= budget.wait_seconds(reserve)
    clock.now += budget.wait_seconds(reserve)
    assert budget.wait_seconds(reserve) == 0


def test_metas_count_of_a_higher_limit_takes_nothing_from_ours() -> None:
    budget = Budget(3, Clock(), window=100)
    for _ in range(3):
        budget.spend()
        budget.take_meta_count(0.0)
    assert (budget.left(), budget.wait_seconds()) == (0, 100)


def test_places_follow_the_order_of_arrival() -> None:
    queue = Queue(Clock())
    assert [queue.join(key).before for key in "abc"] == [0, 1, 2]
    assert queue.join("b") == (1, 3)
    queue.leave("a")
    queue.leave("unknown")
    assert queue.first() == "b"
    assert queue.join("c") == (1, 2)


def test_who_does_not_ask_again_is_gone() -> None:
    clock = Clock()
    queue = Queue(clock, patience=60)
    queue.join("a")
    clock.now += 40
    queue.join("b")
    clock.now += 40
    assert queue.join("b") == (0, 1)
    assert queue.first() == "b"
    assert len(queue) == 1
