"""Calls to an attendant: the sound for conversations that wait and for those that are given to them, until seen."""

import pytest
from playwright.sync_api import Page, expect

from tests.gateway.console.browser.test_desk import row
from tests.gateway.console.desk import Desk

AGAIN_MS = 16_000


@pytest.fixture
def ana(new_page, enter) -> Page:
    """The page of an attendant who has done nothing but sign in; its clock is the test's."""
    page = new_page()
    page.clock.install()
    return enter(page, "ana")


def sounds(page: Page, number: int) -> None:
    expect(page.locator("html")).to_have_attribute("data-sounds", str(number))


def wait(desk: Desk, name: str, number: str) -> object:
    one = desk.conversation(name, number)
    desk.said(one, "Alguém aí?")
    desk.waits(one, "Pediu uma pessoa")
    return one


def test_a_conversation_that_waits_sounds_again_until_its_row_was_seen(ana, desk) -> None:
    wait(desk, "Fábio Reis", "5541977776666")
    sounds(ana, 1)
    ana.clock.fast_forward(AGAIN_MS)
    sounds(ana, 2)
    expect(row(ana, "Fábio")).to_be_visible()
    ana.keyboard.press("Shift")  # does something, with the row before the eyes
    ana.clock.fast_forward(AGAIN_MS)
    wait(desk, "Gil Dias", "5541977776667")
    sounds(ana, 3)


def test_one_that_is_not_in_the_list_sounds_until_somebody_takes_it(console_url, ana, desk) -> None:
    ana.goto(f"{console_url}/?view=mine")
    ana.locator("h1").click()  # after an address that was typed browsers wait for it
    one = wait(desk, "Fábio Reis", "5541977776666")
    sounds(ana, 1)
    ana.keyboard.press("Shift")
    ana.clock.fast_forward(AGAIN_MS)
    sounds(ana, 2)
    desk._conn.execute(
        "UPDATE conversation SET assignee_id = (SELECT id FROM person WHERE login = 'bia') WHERE id = %s", (one,)
    )
    expect(ana.locator('[data-count="waiting"]')).to_be_hidden()
    ana.clock.fast_forward(AGAIN_MS)
    wait(desk, "Gil Dias", "5541977776667")
    sounds(ana, 3)


def test_a_conversation_that_a_colleague_gives_sounds_though_it_was_read(ana, desk) -> None:
    one = wait(desk, "Fábio Reis", "5541977776666")
    sounds(ana, 1)
    row(ana, "Fábio").click()
    expect(row(ana, "Fábio").locator(".badge")).to_have_count(0)  # read
    ana.go_back()
    expect(ana.locator("#pane")).to_contain_text("Escolha uma conversa")
    desk._conn.execute(
        "UPDATE conversation SET assignee_id = (SELECT id FROM person WHERE login = 'ana') WHERE id = %s", (one,)
    )
    sounds(ana, 2)
    ana.clock.fast_forward(AGAIN_MS)
    sounds(ana, 3)


def test_what_a_person_takes_is_no_news_to_them_in_another_tab(console_url, ana, desk) -> None:
    wait(desk, "Fábio Reis", "5541977776666")
    sounds(ana, 1)
    other = ana.context.new_page()
    other.goto(f"{console_url}/")
    row(ana, "Fábio").click()
    ana.get_by_role("button", name="Assumir", exact=True).click()
    expect(row(other, "Fábio")).to_have_count(0)
    assert other.locator("html").get_attribute("data-sounds") is None
