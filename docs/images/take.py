"""Take the README's pictures of the phone page and of the console from a local stack that runs.

`make run` in one terminal, `.venv/bin/python docs/images/take.py` in another. Needs Chromium (`CHROMIUM=path`);
`DEV_DIR` as for `make run`.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

FOLDER = Path(__file__).parent
DEV = Path(os.environ.get("DEV_DIR", ".dev"))
STACK = json.loads((DEV / "stack.json").read_text())
VIEW: Any = {"width": 1280, "height": 800}
PATIENCE_MS = 60_000


def new_page(browser: Browser, width: int = VIEW["width"]) -> Page:
    """Return a page of a browser in Portuguese."""
    page = browser.new_page(viewport=VIEW | {"width": width}, locale="pt-BR", timezone_id="America/Sao_Paulo")
    page.set_default_timeout(PATIENCE_MS)
    return page


def take(page: Page, name: str) -> None:
    """Save a picture."""
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


def others_write() -> None:
    """Let three more customers write; one of them waits for a person."""
    access = json.loads((DEV / "simulator.json").read_text())
    headers = {"Authorization": f"Bearer {access['control']}"}
    with httpx.Client(base_url=STACK["addresses"]["simulator"], headers=headers) as simulator:
        for wa_id, name, text in (
            ("5511990000001", "João Pereira", "Vocês têm lente de contato colorida?"),
            ("5511990000002", "Beatriz Nogueira", "Quero falar com uma pessoa, minha armação quebrou."),
            ("5511990000003", "Antônia Lima", "Qual a loja mais perto de Pinheiros?"),
        ):
            simulator.put(f"/_sim/personas/{wa_id}", json={"name": name}).raise_for_status()
            simulator.post(f"/_sim/personas/{wa_id}/messages", json={"text": text}).raise_for_status()


def as_maria(page: Page) -> None:
    """Ask for an order, send a picture and ask for a person."""
    page.goto(STACK["addresses"]["phone"])
    tour = page.get_by_role("tabpanel", name="Passeio")
    log = page.get_by_role("log", name="Mensagens de Maria Souza")
    tour.get_by_role("button", name="Mandar a pergunta").click()
    expect(log).to_contain_text("Pedido 12345:", timeout=PATIENCE_MS)
    tour.get_by_role("button", name="Pedir uma pessoa").click()
    expect(log).to_contain_text("Vou chamar uma pessoa", timeout=PATIENCE_MS)
    tour.evaluate("panel => panel.scrollTop = 0")


def as_ana(page: Page) -> None:
    """Sign in as an attendant, and take the conversation that waits."""
    ana = next(one for one in STACK["console_people"] if one["role"] == "attendant")
    page.goto(STACK["addresses"]["console"])
    page.get_by_role("textbox", name="Usuário").fill(ana["login"])
    page.get_by_label("Senha").fill(ana["password"])
    page.get_by_role("button", name="Entrar", exact=True).click()
    page.get_by_role("link", name="Todas").click()
    page.locator(".line-link").filter(has_text="Maria Souza").click()
    page.get_by_role("button", name="Assumir", exact=True).click()
    page.locator(".composer textarea:visible").fill("Olá, Maria! Sou a Ana. Já vi o seu pedido: ele sai hoje à tarde.")
    page.wait_for_timeout(1_000)  # the list has followed


def main() -> None:
    """Take all pictures."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--headless"])
        phone, console = new_page(browser), new_page(browser)
        others_write()
        as_maria(phone)
        take(phone, "phone")
        as_ana(console)
        take(console, "console")
        browser.close()


if __name__ == "__main__":
    main()
