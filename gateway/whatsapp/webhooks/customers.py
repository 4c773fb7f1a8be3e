"""The customer that a payload names, from all the fields in which it may do so."""

from collections.abc import Iterable

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.numbers import is_parent_id, is_user_id
from gateway.whatsapp.reading import identifier, part, text
from gateway.whatsapp.webhooks.events import Customer


def customer(element: Json, contact: Json | None, prefix: str = "from") -> Customer:
    """Return the customer that an element (`from` or `to` and their ids) and its contact name."""
    contact = contact or {}
    profile = part(contact, "profile")
    return named(
        [identifier(contact, "wa_id"), identifier(element, prefix)],
        user_id=identifier(contact, "user_id") or identifier(element, f"{prefix}_user_id"),
        parent=identifier(contact, "parent_user_id") or identifier(element, f"{prefix}_parent_user_id"),
        username=text(profile, "username"),
        name=text(profile, "name"),
    )


def named(
    numbers: Iterable[str | None],
    *,
    user_id: str | None = None,
    parent: str | None = None,
    username: str | None = None,
    name: str | None = None,
) -> Customer:
    """Return a customer; numbers: the surest first, each may be a user id in a number's place."""
    given = [one for one in numbers if one]
    users = [one for one in given if is_user_id(one) and not is_parent_id(one)]
    parents = [one for one in given if is_parent_id(one)]
    return Customer(
        wa_id=next((one for one in given if not is_user_id(one)), None),
        user_id=user_id or next(iter(users), None),
        parent_user_id=parent or next(iter(parents), None),
        username=username,
        name=name,
    )
