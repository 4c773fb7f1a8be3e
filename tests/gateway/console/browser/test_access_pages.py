"""The pages of access as people see them: no complaint of the browser's, by keyboard, in every look."""

import psycopg
import pytest
from playwright.sync_api import expect

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 800}, "color_scheme": "light"},
    "narrow-dark": {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_access_in_every_look(console_url, new_page, enter, screenshot, look) -> None:
    page = new_page(**LOOKS[look])
    page.goto(f"{console_url}/")
    screenshot(page, f"console-login-{look}")
    enter(page, "rosa")
    page.goto(f"{console_url}/account")
    screenshot(page, f"console-account-{look}")
    page.locator("summary").click()
    screenshot(page, f"console-menu-{look}")
    page.keyboard.press("Escape")
    for name, place in (("people", "Pessoas"), ("audit", "Auditoria")):
        page.get_by_role("link", name=place, exact=True).first.click()
        page.get_by_role("heading", level=1, name=place).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is wider than the screen"
        screenshot(page, f"console-{name}-{look}")
    page.goto(f"{console_url}/people")
    page.get_by_role("link", name="Ana Lima").click()
    page.get_by_role("heading", level=1, name="Ana Lima").wait_for()
    screenshot(page, f"console-person-{look}")


def test_a_choice_of_theme_and_language_lasts(console_url, new_page, enter) -> None:
    page = enter(new_page(color_scheme="light"), "ana")
    page.goto(f"{console_url}/account")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_label("Tema").select_option("dark")
    page.get_by_label("Idioma").select_option("en")
    page.get_by_role("button", name="Salvar").click()
    page.get_by_role("heading", level=1, name="My account").wait_for()
    assert page.evaluate(ground) != before
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_person_signs_in_with_the_companys_account(console_url, new_page, database, provider, screenshot) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("INSERT INTO person (login, name, role) VALUES ('ana@loja.com.br', 'Ana da Loja', 'attendant')")
    page = new_page()
    page.goto(f"{console_url}/account")
    page.get_by_role("link", name="conta da empresa").click()
    page.get_by_role("link", name="Continuar como Ana Lima").click()
    page.get_by_role("heading", level=1, name="Minha conta").wait_for()
    expect(page.locator("main")).to_contain_text("ana@loja.com.br")
    screenshot(page, "console-company-account")
    page.get_by_label("Menu de Ana da Loja").click()
    page.get_by_role("button", name="Sair").click()
    page.get_by_role("link", name="conta da empresa").wait_for()
