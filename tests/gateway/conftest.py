"""Databases with the gateway's schema."""

from collections.abc import AsyncIterator, Callable

import pytest

from gateway.store.database import Pool, make_pool
from gateway.store.migrate import migrate


@pytest.fixture(scope="session")
def database_template(make_template: Callable[..., str]) -> str:
    """A migrated database, made once."""

    def prepare(url: str) -> None:
        migrate(url)

    return make_template("gateway", prepare)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool over a fresh database."""
    async with make_pool(database, 8) as pool:
        yield pool
