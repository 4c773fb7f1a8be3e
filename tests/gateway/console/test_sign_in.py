"""Signing in and out by password: sessions, their ends, limits, and where one is led."""

from datetime import timedelta

import pytest

from gateway.console.access.sign_in import TRIES, safe_path
from gateway.store.people import audit, people, sessions, sign_ins
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HOST, HTML, PASSWORD, person

ACCOUNT = "/console/account"


async def is_in(browser) -> bool:
    return (await browser.get(ACCOUNT, headers=HTML)).status_code == 200


async def test_a_person_signs_in_and_out(browser, ana, pool) -> None:
    assert not await is_in(browser)
    answer = await browser.sign_in("Ana ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    page = await browser.get(ACCOUNT, headers=HTML)
    assert page.status_code == 200
    assert "Ana Lima" in page.text
    answer = await browser.submit("/console/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    assert not await is_in(browser)
    async with pool.connection() as conn:
        assert [(one.action, one.person_name) for one in await audit.page(conn, 10)] == [
            ("logout", "Ana Lima"), ("login", "Ana Lima")
        ]  # fmt: skip


async def test_a_session_that_was_planted_is_not_used(browser, ana, pool) -> None:
    """Neither a made-up token nor one of another person becomes the session of whoever signs in."""
    await person(pool, "mallory", Role.VIEWER)
    async with pool.connection() as conn:
        mallory = await people.by_login(conn, "mallory")
        planted = await sessions.begin(conn, mallory.id, "", idle=timedelta(hours=1), age=timedelta(hours=1))
    for token in ("made-up", planted):
        browser.cookies.clear()
        form = browser.token((await browser.get("/console/login", headers=HTML)).text)
        fresh = browser.cookies["console_form"]
        browser.cookies.set("console_session", token)
        if token == planted:
            form = browser.token((await browser.get(ACCOUNT, headers=HTML)).text)
        browser.cookies.set("console_form", fresh)
        await browser.post(
            "/console/login", data={"csrf": form, "login": "ana", "password": PASSWORD}, headers={"origin": HOST}
        )
        now = [cookie.value for cookie in browser.cookies.jar if cookie.name == "console_session"]
        assert any(value != token for value in now)
    async with pool.connection() as conn:
        assert await sessions.find(conn, planted) is None


async def test_the_cookie_is_out_of_reach(open_console, ana) -> None:
    browser = await open_console()
    cookie = (await browser.sign_in("ana")).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    secure = await open_console(console_url="https://atende.example.com")
    form = secure.token((await secure.get("/console/login", headers=HTML)).text)
    answer = await secure.post(
        "/console/login",
        data={"csrf": form, "login": "ana", "password": PASSWORD},
        headers={"origin": "https://atende.example.com"},
    )
    cookies = [one for one in answer.headers.get_list("set-cookie") if "session" in one]
    assert cookies[0].startswith("__Host-console_session=")
    assert "Secure" in cookies[0]
    assert answer.headers["strict-transport-security"]


ENDS = {
    "idle": "UPDATE session SET seen_at = now() - idle - interval '1 second'",
    "age": "UPDATE session SET expires_at = now() - interval '1 second'",
    "disabled": "UPDATE person SET disabled_at = now()",
    "gone": "DELETE FROM session",
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_session_ends(browser, ana, pool, end) -> None:
    await browser.sign_in("ana")
    assert await is_in(browser)
    async with pool.connection() as conn:
        await conn.execute(ENDS[end])
    assert not await is_in(browser)
    assert (await browser.get(ACCOUNT)).status_code == 401


async def test_sessions_are_shown_and_revoked(open_console, ana, pool) -> None:
    here, there = await open_console(), await open_console()
    await here.sign_in("ana")
    await there.sign_in("ana", headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    assert "Firefox, Linux" in (await here.get(ACCOUNT, headers=HTML)).text
    async with pool.connection() as conn:
        other = next(one for one in await sessions.of_person(conn, ana.id) if "Firefox" in one.browser)
        rosa = await person(pool, "rosa", Role.ADMIN)
        foreign = await sessions.begin(conn, rosa.id, "", idle=timedelta(hours=1), age=timedelta(hours=1))
        (hers,) = await sessions.of_person(conn, rosa.id)
    assert (await here.submit(f"{ACCOUNT}/sessions/{hers.id}/revoke")).status_code == 404
    assert (await here.submit(f"{ACCOUNT}/sessions/{other.id}/revoke")).status_code == 303
    assert await is_in(here)
    assert not await is_in(there)
    async with pool.connection() as conn:
        assert await sessions.find(conn, foreign)


async def test_a_new_password_ends_all_other_sessions(open_console, ana) -> None:
    here, there = await open_console(), await open_console()
    await here.sign_in("ana")
    await there.sign_in("ana")
    assert (await here.submit(f"{ACCOUNT}/password", {"old": "wrong", "new": "x" * 12})).status_code == 422
    assert (await here.submit(f"{ACCOUNT}/password", {"old": PASSWORD, "new": "curta"})).status_code == 422
    answer = await here.submit(f"{ACCOUNT}/password", {"old": PASSWORD, "new": "uma senha bem nova"})
    assert answer.status_code == 303
    assert await is_in(here)
    assert not await is_in(there)
    assert (await there.sign_in("ana")).status_code == 401
    assert (await there.sign_in("ana", "uma senha bem nova")).status_code == 303


async def test_unknown_disabled_and_wrong_are_answered_alike(browser, ana, pool) -> None:
    gone = await person(pool, "gone", Role.VIEWER)
    async with pool.connection() as conn:
        await people.disable(conn, gone.id)
        await people.add(conn, "company", "Só pela empresa", Role.VIEWER)
    tries = (("ana", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("company", ""), ("ana", "x" * 5000))
    answers = [await browser.sign_in(login, password) for login, password in tries]
    assert {answer.status_code for answer in answers} == {401}
    texts = [answer.text.replace(f'value="{login}"', "") for answer, (login, _) in zip(answers, tries, strict=True)]
    assert len(set(texts)) == 1


async def test_tries_are_limited_by_login_known_or_not(browser, ana, pool) -> None:
    for login in ("ana", "nobody"):
        for _ in range(TRIES["login"]):
            assert (await browser.sign_in(login, "wrong")).status_code == 401
        assert (await browser.sign_in(login, PASSWORD)).status_code == 429
    async with pool.connection() as conn:
        await conn.execute("UPDATE login_try SET tried_at = tried_at - %s", (sign_ins.PERIOD,))
        await sign_ins.purge(conn)
        assert await (await conn.execute("SELECT FROM login_try")).fetchall() == []
    assert (await browser.sign_in("ana")).status_code == 303


async def test_tries_are_limited_by_address(open_console, pool, monkeypatch) -> None:
    monkeypatch.setitem(TRIES, "address", 3)
    browser = await open_console(console_proxies=1)
    for number in range(3):
        answer = await browser.sign_in(f"n{number}", "wrong", headers={"x-forwarded-for": "9.9.9.9, 192.0.2.1"})
        assert answer.status_code == 401
    assert (await browser.sign_in("n", headers={"x-forwarded-for": "8.8.8.8, 192.0.2.1"})).status_code == 429
    assert (await browser.sign_in("n", headers={"x-forwarded-for": "192.0.2.2"})).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/", "//evil.example/console/", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "",
        "/console/../x", "console/", "/\t/evil.example", "/console/\nx", "/console//evil/../../x", "/console/login",
        "http:/console/x", "/elsewhere",
    ],
)  # fmt: skip
async def test_nobody_is_led_elsewhere(browser, ana, wanted) -> None:
    assert safe_path(wanted) == "/console/"
    answer = await browser.sign_in("ana", data={"next": wanted})
    assert answer.headers["location"] == "/console/"


async def test_one_comes_back_to_the_page_that_was_wanted(browser, ana) -> None:
    first = await browser.get("/console/account?done=look", headers=HTML)
    assert first.headers["location"] == "/console/login?next=%2Fconsole%2Faccount%3Fdone%3Dlook"
    answer = await browser.sign_in("ana", data={"next": "/console/account?done=look"})
    assert answer.headers["location"] == "/console/account?done=look"


async def test_a_form_of_another_page_is_refused(browser, ana) -> None:
    token = browser.token((await browser.get("/console/login", headers=HTML)).text)
    form = {"csrf": token, "login": "ana", "password": PASSWORD}
    refused = [
        {"origin": "https://evil.example"}, {"origin": "null"}, {}, {"sec-fetch-site": "cross-site"},
        {"origin": f"{HOST}.evil.example"},
    ]  # fmt: skip
    for headers in refused:
        assert (await browser.post("/console/login", data=form, headers=headers)).status_code == 403
    for wrong in ({"csrf": ""}, {"csrf": "é"}, {"csrf": "0" * 64}):
        answer = await browser.post("/console/login", data=form | wrong, headers={"origin": HOST})
        assert answer.status_code == 403
    assert (await browser.post("/console/login", data=form, headers={"origin": HOST})).status_code == 303
    # The token from before the login is none of the session's.
    answer = await browser.post("/console/logout", data={"csrf": token}, headers={"origin": HOST})
    assert answer.status_code == 403
    assert await is_in(browser)


async def refusals(pool) -> list[audit.Entry]:
    async with pool.connection() as conn:
        return await audit.page(conn, 200, action="login_refused")


async def test_refused_sign_ins_are_in_the_audit_without_what_was_typed(browser, ana, pool, monkeypatch) -> None:
    monkeypatch.setattr("gateway.console.access.sign_in.REFUSALS", 2)
    await browser.sign_in("ana", "wrong-password")
    for number in range(4):
        await browser.sign_in(f"meant-as-password-{number}", "wrong-password")
    kept = await refusals(pool)
    assert [one.subject for one in kept] == ["person:unknown", "person:unknown", f"person:{ana.id}"]
    assert {one.person_id for one in kept} == {None}
    assert "password-" not in str(kept)
    assert kept[0].detail == {"way": "password", "address": "127.0.0.1"}


async def test_a_password_that_another_person_made_is_replaced_first(browser, ana, pool) -> None:
    async with pool.connection() as conn:
        await conn.execute("UPDATE person SET password_given = true")
    await browser.sign_in("ana")
    choose = f"{ACCOUNT}/password"
    for path in ("/console/", ACCOUNT, "/console/nothing"):
        answer = await browser.get(path, headers=HTML)
        assert answer.headers.get("location") == choose or answer.status_code == 404
    assert (await browser.get("/console/events")).status_code == 403
    for old, new in ((PASSWORD, PASSWORD), ("wrong", "uma senha bem nova")):
        assert (await browser.submit(choose, {"old": old, "new": new}, page=choose)).status_code == 422
    answer = await browser.submit(choose, {"old": PASSWORD, "new": "uma senha bem nova"}, page=choose)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    assert await is_in(browser)
    browser.cookies.clear()
    await browser.sign_in("ana", "uma senha bem nova")
    assert await is_in(browser)


async def test_the_companys_account_does_not_ask_for_a_password(browser, ana, pool) -> None:
    async with pool.connection() as conn:
        await conn.execute("UPDATE person SET password_given = true")
        token = await sessions.begin(conn, ana.id, "", idle=timedelta(hours=1), age=timedelta(hours=1))
    browser.cookies.set("console_session", token)
    assert await is_in(browser)
