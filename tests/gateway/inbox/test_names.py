"""A customer's name is the one that they had last, in whatever order payloads come, and however often."""

from typing import Any

from tests.gateway.support.deliveries import MARIA, T, change, raw_message
from tests.gateway.support.harness import Gateway


def told(name: str, at: int) -> dict[str, Any]:
    """Return a payload with a message of Maria's under a name."""
    contact = {"profile": {"name": name}, "wa_id": MARIA}
    return change({"contacts": [contact], "messages": [raw_message(at=at)]})


async def name(gateway: Gateway) -> str:
    return (await gateway.sql("SELECT name FROM contact"))[0][0]  # type: ignore[no-any-return]


async def test_a_replay_after_the_purge_does_not_rename_a_contact(gateway: Gateway) -> None:
    old = told("Maria Souza", T)
    await gateway.take(old, told("Maria Lima", T + 10))
    await gateway.sql("DELETE FROM event RETURNING 1")
    await gateway.sql("DELETE FROM message RETURNING 1")
    await gateway.take(old)
    assert await name(gateway) == "Maria Lima"


async def test_a_late_payload_does_not_undo_a_name_that_was_told_twice(gateway: Gateway) -> None:
    await gateway.take(told("Maria", T), told("Maria", T + 10), told("Loja da Maria", T + 5))
    assert await name(gateway) == "Maria"
    await gateway.take(told("Maria Lima", T + 11))
    assert await name(gateway) == "Maria Lima"
