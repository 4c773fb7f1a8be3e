"""People behind the agent, through every real part: two browsers on the console, and a customer at the simulator."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.gateway.console.browser.test_composer import PNG
from tests.invariants.stack import MARIA, Stack, eventually
from tests.simulator.phone.conftest import browser, new_page

__all__ = ["browser", "new_page"]
pytestmark = pytest.mark.browser
ANSWER = "Oi, Maria! Aqui é a Ana. Troquei a lente do seu pedido."


def sent(stack: Stack) -> list[dict[str, Any]]:
    return [one for one in stack.transcript(MARIA) if one["direction"] == "out"]


def types(stack: Stack) -> list[str]:
    return [one["type"] for one in sent(stack)]


def words(stack: Stack) -> str:
    """Return all that the business wrote, also below pictures."""
    return json.dumps(sent(stack), ensure_ascii=False)


@pytest.fixture
def enter(stack: Stack, new_page: Callable[..., Page]) -> Callable[[str], Page]:
    """`enter("ana")`: a page of the console on which that person of the local stack has signed in."""

    def entered(login: str) -> Page:
        described = stack.described
        [person] = [one for one in described["console_people"] if one["login"] == login]
        page = new_page()
        page.goto(described["addresses"]["console"])
        page.get_by_role("textbox", name="Usuário").fill(login)
        page.get_by_label("Senha").fill(person["password"])
        page.get_by_role("button", name="Entrar", exact=True).click()
        page.get_by_role("heading", level=1).wait_for()
        page.keyboard.press("Escape")  # browsers play sounds after a first key
        return page

    return entered


def test_a_customer_gets_a_person_and_then_the_agent_who_knows_what_was_said(
    stack: Stack, enter: Callable[[str], Page]
) -> None:
    expect.set_options(timeout=30_000)  # a busy machine is no failure
    ana, bruno = enter("ana"), enter("bruno")
    stack.say("Quero falar com um atendente")
    expect(ana.locator("html")).to_have_attribute("data-sounds", re.compile(r"[1-9]"))
    expect(ana).to_have_title(re.compile(r"^\(1\)"))
    for page in (ana, bruno):
        page.locator("#rows .line").first.click()
    ana.get_by_role("button", name="Assumir", exact=True).click()
    expect(bruno.locator("#bar")).to_contain_text("com Ana Lima")
    expect(bruno.locator("#rows .line")).to_have_count(0)  # it waits for nobody any more
    expect(ana.locator("#business")).to_contain_text("Em preparação")  # order 12345, from the agent server
    picture = {"name": "lente.png", "mimeType": "image/png", "buffer": PNG}
    ana.locator("#attach-input").set_input_files([picture])
    expect(ana.locator("#attached > li[data-file]")).to_have_count(1)
    ana.get_by_role("textbox", name="Texto").fill(ANSWER)
    ana.keyboard.press("Enter")
    eventually(lambda: ANSWER in words(stack), "the answer at the customer's")
    eventually(lambda: "image" in types(stack), "the picture at the customer's")
    stack.say("Que bom, muito obrigada pela troca!")
    expect(ana.locator("#thread")).to_contain_text("obrigada pela troca")
    expect(bruno.locator("#thread")).to_contain_text("obrigada pela troca")
    ana.get_by_role("button", name="Devolver ao agente").click()
    expect(ana.locator("#bar")).not_to_contain_text("com você")
    asked, answered = len(stack.calls("/chat/completions")), len(stack.replies())
    stack.say("E o meu pedido 12345, como está?")
    assert "Em separação" in stack.answered(count=answered + 1)[-1]
    told = json.dumps(stack.calls("/chat/completions")[asked:], ensure_ascii=False)
    assert ANSWER in told
    expect(ana.locator("#thread")).to_contain_text("Em separação")
