"""A gateway with everything that it keeps of a person."""

from collections.abc import AsyncIterator

import pytest

from gateway.store.database import Pool
from tests.gateway.support.office import Office


@pytest.fixture
async def office(pool: Pool) -> AsyncIterator[Office]:
    """Return the parts that erase and export people, on a fresh database and object store."""
    one = Office(pool)
    yield one
    await one.gateway.turns.drain()
