"""Absurd values of addresses, forms and JSON cause no failure of the console."""

import pytest
from argon2 import PasswordHasher

from gateway.console.app import rooms
from gateway.console.conversation.requests import Fields
from gateway.runtime import passwords
from gateway.store.people.people import Role
from tests.absurd import Asked, Program
from tests.absurd import asked as asked
from tests.gateway.console.conftest import HOST, HTML, person
from tests.gateway.console.test_routes import parts
from tests.gateway.console.test_voice import NOTE


async def test_no_absurd_value_is_a_failure(
    desk, open_console, pool, tmp_path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(dict):
        def get(self, name, default=None):
            asked.json.add(name)
            return super().get(name, default)

    monkeypatch.setattr(Fields, "__init__", lambda self, values: setattr(self, "_values", Watched(values)))
    said = desk.said(
        desk.conversation("Carla", "5511987654321"), kind="audio", media={"voice": True, "status": "stored"}
    )
    voice = desk.file(said, "audio", "audio/ogg; codecs=opus", "v", len(NOTE))
    (tmp_path / "v").write_bytes(NOTE)
    browser = await open_console(media_url=tmp_path.as_uri())
    await person(pool, "admin", Role.ADMIN)
    await browser.sign_in("admin")
    token = browser.token((await browser.get("/console/account", headers=HTML)).text)
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))  # two thirds of the time would be hashing
    monkeypatch.setattr(passwords, "_verify", lambda kept, password: False)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"host": "localhost", "origin": HOST, "cookie": cookies, "x-csrf-token": token, "accept": "text/html"}
    routes = rooms(parts())
    places = {f"/console/media/{{id:uuid}}{end}": f"/console/media/{voice}{end}" for end in ("", "/caf")}
    program = Program(browser._transport.app, routes, headers, left_out={"/console/logout"}, places=places)
    problems = await program.problems(asked)
    assert not problems, "\n".join(problems)
