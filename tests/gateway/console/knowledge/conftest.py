"""The console with the real routes of the knowledge behind a real port, both on one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from starlette.responses import Response
from starlette.routing import Route

from gateway.store.database import Pool
from gateway.store.migrate import migrate
from gateway.store.people.people import Role
from gateway.store.roles import statements
from graph.knowledge.console.routes import ROUTES as CONSOLE
from graph.knowledge.routes import ROUTES
from graph.knowledge.tables import Knowledge, create_tables
from graph.knowledge_answer import ROUTES as ANSWER
from graph.server.server import make_app
from graph.settings import settings
from tests.gateway.console.conftest import Browser, Open, person
from tests.gateway.support.serving import served
from tests.graph.conftest import environment
from tests.graph.knowledge.conftest import known, loaded_model, model

__all__ = ["environment", "known", "loaded_model", "model"]
TOKEN = "knowledge-token"
WELL = Route("/ok", lambda _: Response())  # LangGraph Server's own


@pytest.fixture(scope="session")
def database_template(make_template: Callable[..., str]) -> str:
    """Return the name of a template with the tables of the gateway and of the knowledge."""

    def prepare(url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statements().encode())
        migrate(url)
        asyncio.run(create_tables(url))

    return make_template("console_knowledge", prepare)


@pytest.fixture
async def agent_url(known: Knowledge, environment: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of an agent server's own routes."""
    environment.setenv("KNOWLEDGE_TOKEN", TOKEN)
    settings.cache_clear()
    async with served(make_app([*ROUTES, *CONSOLE, *ANSWER, WELL], settings(), development=False)) as url:
        yield url


Enter = Callable[..., Awaitable[Browser]]


@pytest.fixture
def enter(agent_url: str, open_console: Open, pool: Pool) -> Enter:
    """`await enter(Role.MANAGER)`: the browser of a new person, on a console that may ask the agent server."""

    async def entered(role: Role, url: str = agent_url) -> Browser:
        await person(pool, str(role), role, name=str(role).title())
        browser = await open_console(knowledge_token=TOKEN, langgraph_url=url)
        assert (await browser.sign_in(str(role))).status_code == 303
        return browser

    return entered
