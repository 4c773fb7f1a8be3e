"""From a PDF to a right answer on the phone, as a shop manager does it in a browser, through every real part."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.graph.files import bombs
from tests.invariants.stack import Stack
from tests.invariants.test_people import enter
from tests.simulator.phone.conftest import browser, new_page, screenshot
from tests.simulator.phone.screen import Screen

__all__ = ["browser", "enter", "new_page", "screenshot"]
pytestmark = pytest.mark.browser
MINUTES = 3
PARKING = bombs.pages("Estacionamento para clientes: o carro fica gratis por duas horas na Rua das Palmeiras, 40.")
QUESTION = "posso deixar o carro no estacionamento?"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_pdf_becomes_a_right_answer_on_the_phone_within_minutes(
    stack: Stack, enter: Callable[[str], Page], new_page: Callable[..., Page], screenshot: Callable[[Page, str], None]
) -> None:
    expect.set_options(timeout=30_000)  # a busy machine is no failure
    started = time.monotonic()
    page = enter("rosa")
    page.goto(f"{stack.address('console')}knowledge/imports")
    page.locator("[data-imports]").set_input_files(
        {"name": "Estacionamento.pdf", "mimeType": "application/pdf", "buffer": PARKING}
    )
    row = page.locator("#imports li").first
    expect(row).to_contain_text("pronto")
    screenshot(page, "shop-1-import")
    row.get_by_role("link").click()
    expect(page.locator(".passages")).to_contain_text("Rua das Palmeiras, 40")
    screenshot(page, "shop-2-passages")
    page.get_by_role("link", name="Testar o rascunho").click()
    page.get_by_role("textbox", name="Pergunta do cliente").fill(QUESTION)
    press(page, "Perguntar e ver a resposta")
    expect(page.locator("#found ~ .passages, .passages").first).to_contain_text("o agente recebe")
    screenshot(page, "shop-3-try")
    page.locator(".passages a").first.click()
    press(page, "Publicar")
    expect(page.locator(".tags").first).to_contain_text("No ar")
    screenshot(page, "shop-4-published")
    phone = Screen(new_page(), stack.address("simulator"))
    phone.open()
    phone.write(QUESTION)
    expect(phone.bubble("Rua das Palmeiras, 40")).to_be_visible()
    took = time.monotonic() - started
    screenshot(phone.page, "shop-5-phone")
    page.goto(stack.address("console"))
    page.goto(f"{stack.address('console')}?view=all")
    page.locator("#rows .line").first.click()
    work = page.locator("details.work").last
    work.locator("summary").click()
    expect(work.locator(".passage")).to_contain_text(re.compile("Estacionamento"))
    screenshot(page, "shop-6-source")
    work.locator(".passage a").click()
    expect(page.locator("#uses ~ p").first).to_contain_text("1 resposta")
    assert took < MINUTES * 60
    stack.settle()
