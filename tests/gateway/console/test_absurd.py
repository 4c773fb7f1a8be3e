"""Absurd values of addresses, forms and JSON cause no failure of the console."""

import pytest
from argon2 import PasswordHasher

from gateway.console.app import rooms
from gateway.console.conversation.requests import Fields
from gateway.runtime import passwords
from gateway.store.people.people import Role
from tests.absurd import Asked, Program
from tests.absurd import asked as asked
from tests.gateway.console.conftest import HOST, HTML
from tests.gateway.console.test_routes import parts


async def test_no_absurd_value_is_a_failure(signed_in, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(dict):
        def get(self, name, default=None):
            asked.json.add(name)
            return super().get(name, default)

    monkeypatch.setattr(Fields, "__init__", lambda self, values: setattr(self, "_values", Watched(values)))
    browser = await signed_in(Role.ADMIN)
    token = browser.token((await browser.get("/console/account", headers=HTML)).text)
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))  # two thirds of the time would be hashing
    monkeypatch.setattr(passwords, "_verify", lambda kept, password: False)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"host": "localhost", "origin": HOST, "cookie": cookies, "x-csrf-token": token, "accept": "text/html"}
    routes = rooms(parts())
    program = Program(browser._transport.app, routes, headers, left_out={"/console/logout"})
    problems = await program.problems(asked)
    assert not problems, "\n".join(problems)
