"""People of the company, and one conversation that they decide about."""

import itertools
from uuid import UUID

from gateway.store.desk import standing
from gateway.store.desk.standing import Standing
from gateway.store.people import people
from gateway.store.people.people import Person, Role
from tests.gateway.support.harness import Gateway

_numbers = itertools.count(1)


async def person(
    gateway: Gateway, name: str, role: Role = Role.ATTENDANT, departments: list[str] | None = None
) -> Person:
    """Add a person."""
    async with gateway.pool.connection() as conn:
        login = f"{name.lower()}{next(_numbers)}"
        found = await people.find(conn, await people.add(conn, login, name, role, departments=departments))
    assert found
    return found


async def conversation(gateway: Gateway) -> UUID:
    """Return the only conversation's id."""
    return (await gateway.sql("SELECT id FROM conversation"))[0][0]  # type: ignore[no-any-return]


async def now(gateway: Gateway) -> Standing:
    """Return the only conversation's standing."""
    conversation_id = await conversation(gateway)
    async with gateway.pool.connection() as conn:
        found = await standing.read(conn, conversation_id)
    assert found
    return found
