"""Messages and queries for the tests of identity."""

import itertools
from typing import Any

from gateway.store.customers import contacts
from tests.gateway.support.deliveries import message, raw_message
from tests.gateway.support.harness import Gateway

NEW = "5511900000000"
OLD_ID, NEW_ID = "BR.1349120865530274", "BR.2481730591287364"
_events = itertools.count(1)


def by(
    number: str | None = None, user_id: str | None = None, text: str = "Olá", at: int | None = None
) -> dict[str, Any]:
    """Return a message of the customer with this number and user id."""
    one = {name: part for name, part in raw_message(body=text, at=at).items() if name != "from"}
    one |= {"from": number} if number else {}
    return message(one | ({"from_user_id": user_id} if user_id else {}))


def changed_number(old: str, new: str, at: int | None = None, **ids: str) -> dict[str, Any]:
    """Return WhatsApp's notice that a customer's number changed."""
    system = {"type": "user_changed_number", "body": "changed", "wa_id": new}
    if "new_id" in ids:
        system["user_id"] = ids["new_id"]
    more = {"from_user_id": ids["old_id"]} if "old_id" in ids else {}
    return message({**raw_message("system", system, at=at), "from": old, **more})


async def people(gateway: Gateway) -> list[set[str]]:
    """Return the messages of each contact, the oldest contact first."""
    rows = await gateway.sql(
        """SELECT p.id, array_agg(m.content->>'text') FROM contact p JOIN conversation c ON c.contact_id = p.id
           JOIN message m ON m.conversation_id = c.id WHERE m.type = 'text'
           GROUP BY p.id ORDER BY min(p.created_at), min(m.seq)"""
    )
    return [set(texts) for _, texts in rows]


async def keys(gateway: Gateway, text: str) -> set[tuple[str, str]]:
    """Return the keys of the customer who wrote this text."""
    [(contact,)] = await gateway.sql(
        """SELECT c.contact_id FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.content->>'text' = %s""",
        text,
    )
    async with gateway.pool.connection() as conn:
        return {(key.kind, key.value) for key in await contacts.keys_of(conn, contact)}
