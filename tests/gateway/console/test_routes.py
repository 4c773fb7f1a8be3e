"""A walk over the route table: nobody gets in without a login, and nobody further than their role."""

import re
from uuid import uuid4

import httpx
import psycopg
import pytest
from starlette.routing import Route

from gateway.console.app import make_app, rooms
from gateway.console.headers import HEADERS
from gateway.console.listener import Listener
from gateway.console.parts import Parts
from gateway.console.routes import Page
from gateway.console.settings import ConsoleSettings
from gateway.console.signed_in import Cookies
from gateway.store.database import make_pool
from gateway.store.people.people import Role
from simulator.stack.environment import for_console
from tests.gateway.console.conftest import HOST, HTML

OIDC = {
    "oidc_issuer": "https://id.example.com", "oidc_client_id": "c", "oidc_client_secret": "s",
    "console_url": "http://localhost",
}  # fmt: skip
OPEN = {"/console/login", "/console/oidc", "/console/oidc/callback", "/healthz"}


def parts() -> Parts:
    settings = ConsoleSettings(database_url="postgresql://nowhere/x", _env_file=None, **OIDC)
    url = "postgresql://nowhere/x"
    return Parts(make_pool(url, 2), settings, Cookies(secure=False), httpx.AsyncClient(), Listener(url))


def pages() -> list[Page]:
    return rooms(parts())


def path_of(page: Route) -> str:
    return re.sub(r"\{\w+:uuid\}", str(uuid4()), page.path)


def calls() -> list[tuple[str, str, Role | None]]:
    return [(method, path_of(page), page.needs) for page in pages() for method in sorted(page.methods or ())]


def test_all_routes_say_which_role_they_need_and_few_are_open() -> None:
    routes = make_app(parts()).routes
    others = [route.path for route in routes if isinstance(route, Route) and not isinstance(route, Page)]
    assert sorted(others) == ["/console/static/{version}/{name:path}", "/healthz"]
    assert {page.path for page in pages() if page.needs is None} == OPEN - {"/healthz"}


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_without_a_login_every_path_leads_to_it(browser, accept) -> None:
    for method, path, needs in calls():
        if needs is None:
            continue
        answer = await browser.request(method, path, headers={"accept": accept, "origin": HOST})
        assert answer.status_code in (401, 302, 303, 403), f"{method} {path}: {answer.status_code}"
        if answer.is_redirect:
            assert answer.headers["location"].startswith("/console/login"), path


async def test_a_path_that_does_not_exist_says_nothing_to_strangers(browser) -> None:
    assert (await browser.get("/console/secret")).status_code == 401
    assert (await browser.get("/secret", headers=HTML)).status_code == 302


@pytest.mark.parametrize("role", Role)
async def test_each_role_gets_only_what_it_may(signed_in, role) -> None:
    browser = await signed_in(role)
    token = browser.token((await browser.get("/console/account", headers=HTML)).text)
    for method, path, needs in calls():
        if needs is None or path == "/console/logout":
            continue
        headers = {"origin": HOST, "x-csrf-token": token}
        answer = await browser.request(method, path, headers=headers)
        if role.includes(needs):
            assert answer.status_code not in (401, 403), f"{role} {method} {path}: {answer.status_code}"
        else:
            assert answer.status_code == 403, f"{role} {method} {path}: {answer.status_code}"


async def test_who_has_to_choose_a_password_gets_no_other_page(signed_in, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    token = browser.token((await browser.get("/console/account", headers=HTML)).text)
    async with pool.connection() as conn:
        await conn.execute("UPDATE person SET password_given = true")
    for method, path, needs in calls():
        if needs is not None and path not in ("/console/logout", "/console/account/password"):
            answer = await browser.request(method, path, headers={"origin": HOST, "x-csrf-token": token})
            assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"


async def test_every_answer_has_the_headers_that_protect_it(browser, ana) -> None:
    await browser.sign_in("ana")
    for path in ("/console/account", "/console/nothing", "/console/login", "/console/people", "/healthz"):
        answer = await browser.get(path, headers=HTML)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "no-store"
    page = await browser.get("/console/account", headers=HTML)
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page.text)


async def test_an_error_of_ours_is_a_page_with_the_same_headers_and_names_nothing(browser, ana, database) -> None:
    await browser.sign_in("ana")
    with psycopg.connect(database, autocommit=True) as conn:
        for missing in ("conversation", "session"):  # in a page; before it is known who asks
            conn.execute(f"REVOKE SELECT ON {missing} FROM wa_console")
            browser._transport.raise_app_exceptions = False
            page = await browser.get("/console/", headers=HTML)
            told = await browser.get("/console/rows", headers={"accept": "application/json"})
            for answer in (page, told):
                assert (answer.status_code, answer.headers["cache-control"]) == (500, "no-store")
                assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
                assert "Algo falhou do nosso lado" in answer.text
                assert "permission" not in answer.text
            assert "<h1>" in page.text


async def test_while_the_store_is_away_people_get_a_page_and_scripts_a_sentence() -> None:
    transport = httpx.ASGITransport(make_app(parts()))  # its pool reaches no database
    cookies = {"console_session": "x"}
    async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=cookies) as browser:
        page = await browser.get("/console/", headers=HTML)
        told = await browser.get("/console/events", headers={"accept": "application/json"})
    for answer in (page, told):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "O banco de dados não responde" in answer.text
    assert "<h1>" in page.text
    assert told.json().keys() == {"error"}


async def test_static_files_are_kept_for_ever_by_their_hash(browser) -> None:
    page = (await browser.get("/console/login", headers=HTML)).text
    address = re.search(r'href="(/console/static/[^"]+/css/base\.css)"', page)
    assert address
    answer = await browser.get(address[1])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    other = await browser.get("/console/static/other-release/css/base.css")
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
    for name in ("../settings.py", "%2e%2e/settings.py", "css/nothing.css"):
        assert (await browser.get(f"/console/static/x/{name}")).status_code in (401, 404)


async def test_a_strange_host_name_gets_nothing(browser, open_console) -> None:
    assert (await browser.get("/console/login", headers={"host": "evil.example"})).status_code == 400
    own = await open_console(console_url="https://atende.example.com")
    assert (await own.get("/console/login", headers=HTML)).status_code == 200


def test_the_console_knows_no_token_of_others() -> None:
    named = set(ConsoleSettings.model_fields)
    assert not [name for name in named if "langgraph_token" in name or "whatsapp" in name or "internal" in name]
    assert ConsoleSettings.secrets == ("DATABASE_URL", "BUSINESS_TOKEN", "KNOWLEDGE_TOKEN", "OIDC_CLIENT_SECRET")


def test_the_local_stack_gives_the_console_all_settings_that_it_names() -> None:
    given = dict.fromkeys(map(str.upper, ConsoleSettings.model_fields), "x")
    assert for_console(given) == given
