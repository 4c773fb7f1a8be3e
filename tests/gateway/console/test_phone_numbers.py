"""Numbers of customers, whole or hidden."""

from uuid import uuid4

import pytest

from gateway.console.rendering.phone_numbers import shown_number
from gateway.store.people.people import Person, Role

WHOLE = Person(uuid4(), "ana", "Ana", Role.ATTENDANT)
MASKED = Person(uuid4(), "bia", "Bia", Role.ATTENDANT, masks_numbers=True)


@pytest.mark.parametrize(
    ("number", "whole", "masked"),
    [
        ("5511987654321", "+55 11 98765-4321", "+•• •• •••••-4321"),
        ("+5511987654321", "+55 11 98765-4321", "+•• •• •••••-4321"),
        ("12", "12", "•2"),
        ("", "", ""),
        ("no number", "no number", "no number"),
    ],
)
def test_numbers(number, whole, masked) -> None:
    assert shown_number(WHOLE, number) == whole
    assert shown_number(MASKED, number) == masked
    assert shown_number(None, number) == masked
