"""The messages of the simulated Meta, and what changed of them."""

import pytest

from simulator.meta.world import Message, Number, World


@pytest.fixture
def world() -> World:
    return World(Number("1", "2", "+55 11 3000-0000", "Loja", "token", "secret", "verify"))


def message(name: str, wa_id: str = "a") -> Message:
    return Message(name, "in", wa_id, "1", {}, 0.0)


def names(found: list[Message]) -> list[str]:
    return [one.id for one in found]


def test_changes_are_shown_in_the_order_of_the_messages(world: World) -> None:
    first, second, third = (world.add(message(name)) for name in ("first", "second", "third"))
    seen = world.revision
    assert world.transcript(after=seen) == []
    world.changed(third)
    world.changed(first)
    assert names(world.transcript(after=seen)) == ["first", "third"]
    assert names(world.transcript()) == ["first", "second", "third"]
    assert names(world.transcript(after=second.revision - 1)) == ["first", "second", "third"]


def test_each_person_sees_their_own(world: World) -> None:
    for name, wa_id in (("one", "a"), ("two", "b"), ("three", "a")):
        world.add(message(name, wa_id))
    assert names(world.transcript("a")) == ["one", "three"]


def test_the_last_change_is_the_first_that_is_looked_at(world: World) -> None:
    for number in range(1000):
        world.add(message(str(number)))
    assert len(world._by_change) == len(world.messages) == 1000
    seen = world.revision
    world.changed(world.messages["0"])
    assert next(reversed(world._by_change.values())).id == "0"
    assert names(world.transcript(after=seen)) == ["0"]
