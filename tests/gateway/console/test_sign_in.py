"""Signing in and out by password."""

from tests.gateway.console.conftest import HTML


async def test_a_person_signs_in_and_out(browser, ana) -> None:
    assert (await browser.get("/console/account", headers=HTML)).status_code == 302
    answer = await browser.sign_in("Ana ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    page = await browser.get("/console/account", headers=HTML)
    assert page.status_code == 200
    assert "Ana Lima" in page.text
    answer = await browser.submit("/console/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    assert (await browser.get("/console/account", headers=HTML)).status_code == 302
