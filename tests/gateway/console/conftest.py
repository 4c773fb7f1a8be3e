"""The console over a fresh database: its app without a port, and people who sign in to it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from gateway.console.process import console
from gateway.console.settings import ConsoleSettings
from gateway.runtime import passwords
from gateway.runtime.passwords import hashed
from gateway.store.database import Pool
from gateway.store.people import people
from gateway.store.people.people import Role
from tests.gateway.console.desk import Desk

HOST = "http://localhost"
PASSWORD = "quatro-palavras-bem-longas"
HTML = {"accept": "text/html"}
# Passwords as cheap as they can be: with the gateway's own parameters each sign-in takes 0.3 s of a processor.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = hashed(PASSWORD)


class Browser(httpx.AsyncClient):
    """A browser on the console: it follows no redirects, sends Origin as browsers do, and fills in forms."""

    def token(self, page: str) -> str:
        """Return the token that a page gives its forms."""
        found = re.search(r'<meta name="csrf" content="(\w+)">', page)
        assert found, page[:500]
        return found[1]

    async def submit(
        self, path: str, data: dict[str, Any] | None = None, *, page: str = "/console/account", **more: Any
    ) -> httpx.Response:
        """Open a page, fill in its form, and submit it."""
        token = self.token((await self.get(page, headers=HTML)).text)
        headers = {"origin": HOST} | HTML | more.pop("headers", {})
        return await self.post(path, data={"csrf": token, **(data or {})}, headers=headers, **more)

    async def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
        """Sign in at the login page."""
        return await self.submit(
            "/console/login",
            {"login": login, "password": password, **more.pop("data", {})},
            page="/console/login",
            **more,
        )


Open = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def open_console(database: str) -> AsyncIterator[Open]:
    """`await open_console(**settings)`: a browser that nobody is signed in with, on a console of these settings."""
    url = f"{database}?options=-c%20role%3Dwa_console"  # with the rights that it has in production
    async with AsyncExitStack() as stack:

        async def opened(**settings: Any) -> Browser:
            process = console(ConsoleSettings(database_url=url, _env_file=None, **settings))
            await stack.enter_async_context(process.lifespan())
            transport = httpx.ASGITransport(process.doors[0].app)
            base = settings.get("console_url", HOST)
            return await stack.enter_async_context(Browser(transport=transport, base_url=base))

        yield opened


@pytest.fixture
async def browser(open_console: Open) -> Browser:
    """A browser that nobody is signed in with."""
    return await open_console()


@pytest.fixture
async def ana(pool: Pool):
    """An attendant."""
    return await person(pool, "ana", Role.ATTENDANT, name="Ana Lima")


async def person(pool: Pool, login: str, role: Role, *, name: str | None = None, **more: Any) -> people.Person:
    """Add a person who signs in by PASSWORD."""
    async with pool.connection() as conn:
        added = await people.add(conn, login, name or login.title(), role, password_hash=HASH, **more)
        found = await people.find(conn, added)
    assert found
    return found


@pytest.fixture
async def signed_in(pool: Pool, browser: Browser) -> Callable[..., Awaitable[Browser]]:
    """`await signed_in(Role.MANAGER)`: the browser, with a new person of that role."""

    async def entered(role: Role, **more: Any) -> Browser:
        await person(pool, more.pop("login", str(role)), role, **more)
        browser.cookies.clear()
        answer = await browser.sign_in(str(role))
        assert answer.status_code == 303, answer.text
        return browser

    return entered


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    """Return a writer of conversations, as inbox, turns and outbox leave them."""
    with Desk(database) as desk:
        yield desk
