"""The page against the whole product: a person asks, the agent answers."""

from playwright.sync_api import expect

from tests.invariants.stack import Stack
from tests.simulator.phone.screen import Screen

ANSWER_MS = 60_000  # an agent on a busy machine


def test_a_person_asks_and_the_agent_answers(stack: Stack, new_page, screenshot) -> None:
    screen = Screen(new_page(), stack.address("simulator"))
    screen.open()
    screen.write("Olá, quero saber do meu pedido 12345")
    answer = screen.bubble("Em separação")
    expect(answer).to_be_visible(timeout=ANSWER_MS)
    expect(screen.bubble("Olá, quero saber").locator(".ticks")).to_have_class("ticks read")
    expect(answer.locator(".ticks")).to_have_class("ticks read")
    screenshot(screen.page, "whole-stack-chat")
    screen.menu(answer, "Informações e JSON")
    expect(screen.dialog().get_by_text("/messages: 200")).to_have_count(1)
    screenshot(screen.page, "whole-stack")
    screen.page.keyboard.press("Escape")
    stack.settle()


def test_the_tour_opens_by_itself_at_the_first_visit(stack: Stack, new_page) -> None:
    page = new_page()
    page.goto(stack.address("phone"))
    tour = page.get_by_role("tabpanel", name="Passeio")
    expect(tour.get_by_role("link", name="Abrir o console")).to_have_attribute("href", stack.address("console"))


def test_every_address_of_the_stack_is_listed(stack: Stack, new_page, screenshot) -> None:
    screen = Screen(new_page(), stack.address("simulator"))
    screen.open()
    panel = screen.tools("Endereços")
    for name in ("health", "metrics", "studio", "agent", "simulator", "phone"):
        expect(panel.get_by_role("link", name=stack.address(name), exact=True).first).to_be_visible()
    screenshot(screen.page, "addresses")


def test_a_fault_from_the_panel_is_survived(stack: Stack, new_page) -> None:
    screen = Screen(new_page(), stack.address("simulator"))
    screen.open()
    screen.tools("Falhas").get_by_role("button", name="Envio: limite 429").click()
    screen.write("Olá")
    expect(screen.bubbles().nth(1)).to_contain_text("Olá!", timeout=ANSWER_MS)
    expect(screen.bubbles()).to_have_count(2)
    stack.settle()
