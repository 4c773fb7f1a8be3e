"""axe-core on every page of the console, in both themes; and the customer's panel, which waits for another program."""

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.gateway.console.browser.test_access_pages import LOOKS
from tests.gateway.console.browser.test_desk import carla, others, row

__all__ = ["carla"]


def check(page: Page, part: str | None = None) -> None:
    """Fail for any serious issue that axe-core finds on a page, or in the part of it that a selector names."""
    found = Axe().run(page, context=part).response["violations"]
    serious = [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert not serious, f"{page.url}\n" + "\n".join(serious)


@pytest.mark.parametrize("look", ["light", "narrow-dark"])
def test_axe_finds_no_serious_issue_on_any_page(console_url, new_page, enter, desk, carla, database, look) -> None:
    others(desk)
    page = new_page(**LOOKS[look])
    page.goto(f"{console_url}/")
    check(page)
    enter(page, "rosa")
    expect(row(page, "Carla")).to_be_visible()
    places = [link.get_attribute("href") for link in page.locator("nav.places a").all()]
    assert {"/console/", "/console/people", "/console/audit"} <= set(places)
    check(page)
    for path in [*places, "/console/account"]:
        page.goto(f"{console_url.removesuffix('/console')}{path}")
        page.wait_for_load_state()
        check(page)
    page.goto(f"{console_url}/people")
    page.get_by_role("link", name="Ana Lima").click()
    page.get_by_role("heading", level=1, name="Ana Lima").wait_for()
    check(page)
    page.goto(f"{console_url}/conversations/{carla}")
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(page.locator("#bar")).to_have_attribute("data-mine", "yes")
    if "narrow" in look:
        check(page)
        page.get_by_role("button", name="Cliente", exact=True).click()
    expect(page.locator("#business")).to_contain_text("Lente riscada")
    check(page)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE person SET password_given = true")
    page.goto(f"{console_url}/")
    page.get_by_role("heading", level=1, name="Escolha sua senha").wait_for()
    check(page)


@pytest.mark.parametrize("look", ["light", "narrow-dark"])
def test_axe_finds_no_serious_issue_in_dialogs_menus_and_tools(console_url, new_page, enter, desk, carla, look) -> None:
    answer = desk.replied(carla, {"type": "text", "text": "O pedido está em separação."}, minutes=2)
    desk.worked(answer, {"tool": "order_status", "arguments": '{"order": "12345"}', "result": "Em separação"})
    desk.replied(carla, {"type": "text", "text": "Não chegou"}, status="failed", error_code=131026, minutes=1)
    desk.replied(carla, {"type": "text", "text": "E agora?"}, status="uncertain", minutes=1)
    page = enter(new_page(**LOOKS[look]), "bia")
    page.keyboard.press("?")
    check(page, "dialog[open]")
    page.keyboard.press("Escape")
    page.get_by_label("Menu de Beatriz Nogueira").click()
    check(page, "header")
    written(page, console_url)
    page.goto(f"{console_url}/conversations/{carla}")
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(page.locator("#bar")).to_have_attribute("data-mine", "yes")
    more = page.get_by_label("Mais ações")
    for title in ("Adiar", "Transferir", "Mudar o setor", "Encerrar"):
        more.click()
        item = page.locator("#bar .menu-list").get_by_role("button", name=title, exact=True)
        check(page, "#bar")
        item.click()  # nothing covers it
        dialog = page.get_by_role("dialog", name=title)
        expect(dialog).to_be_visible()
        check(page, "dialog[open]")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    asked(page, page.get_by_role("button", name="Resposta ruim"), "Resposta ruim")
    asked(page, page.get_by_role("button", name="Tentar de novo").last, "Tentar de novo")
    page.locator(".work summary").click()
    page.locator("[data-react]").first.click()
    check(page, ".react-menu")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    check(page)
    page.keyboard.press("Escape")
    text = page.get_by_role("textbox", name="Texto")
    text.fill("/")
    expect(page.locator("#canned")).to_be_visible()
    check(page)
    text.fill("")
    page.get_by_role("button", name="Nota interna").click()
    check(page)
    page.goto(f"{console_url}/?view=mine")
    page.locator("#rows .line-link").focus()
    page.keyboard.press("x")
    check(page)
    for title in ("Transferir", "Etiquetar", "Adiar", "Encerrar"):
        asked(page, page.locator("#bulk").get_by_role("button", name=title), title)


def asked(page: Page, button: Locator, title: str) -> None:
    """Open a dialog by its button and leave it by Escape: the focus goes back to the button."""
    button.click()
    expect(page.get_by_role("dialog", name=title)).to_be_visible()
    check(page, "dialog[open]")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def written(page: Page, console_url: str) -> None:
    """Write a canned reply with a file, and be asked before it is deleted."""
    page.goto(f"{console_url}/canned")
    page.get_by_role("textbox", name="Atalho").fill("prazo")
    page.get_by_role("textbox", name="Nome").fill("Prazo")
    page.get_by_role("textbox", name="Texto").fill("Chega em 3 dias.")
    pdf = {"name": "tabela.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    page.locator('#canned-file input[type="file"]').set_input_files([pdf])
    expect(page.locator("[data-chosen] progress")).to_be_hidden()
    check(page)
    page.get_by_role("button", name="Salvar").click()
    page.get_by_role("link", name="Editar /prazo").click()
    asked(page, page.get_by_role("button", name="Apagar /prazo"), "Apagar")


@pytest.mark.parametrize("look", ["dark", "narrow"])
def test_the_conversation_does_not_wait_for_the_panel(
    console_url, new_page, enter, screenshot, desk, carla, agent, look
) -> None:
    agent.status = 503
    page = enter(new_page(**LOOKS[look]), "ana")
    row(page, "Carla").click()
    if "narrow" in look:
        page.get_by_role("button", name="Cliente", exact=True).click()
    panel = page.locator("#business")
    expect(panel.get_by_text("A conversa segue normalmente")).to_be_visible()
    screenshot(page, f"desk-panel-away-{look}")
    agent.status = 200
    panel.get_by_role("button", name="Tentar de novo").click()
    expect(panel).to_contain_text("Prefere lentes mensais")
    expect(panel).to_have_attribute("aria-busy", "false")
    screenshot(page, f"desk-panel-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    desk.said(carla, "Ainda aí?")
    expect(page.locator("#thread")).to_contain_text("Ainda aí?")
    expect(panel).to_contain_text("Prefere lentes mensais")
