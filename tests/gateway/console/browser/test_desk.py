"""The desk in a browser: what an attendant sees and does, live, in every look."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.gateway.console.browser.test_access_pages import LOOKS
from tests.gateway.console.desk import Desk


@pytest.fixture
def carla(desk):
    """A customer who waits for a person, with a history of all kinds."""
    conversation = desk.conversation("Carla Menezes", "5511987654321", department="pedidos")
    desk.said(conversation, "Oi! Comprei lentes na semana passada, pedido *12345*", minutes=1500)
    desk.replied(
        conversation,
        {"type": "text", "text": "Olá, Carla! O pedido 12345 está *em separação*.\n- 2 x Lente tórica\n- 1 x Solução"},
        minutes=1499,
    )
    desk.replied(
        conversation,
        {
            "type": "buttons",
            "body": "Posso ajudar em algo mais?",
            "buttons": [{"id": "1", "title": "Mudar endereço"}, {"id": "2", "title": "Falar com pessoa"}],
        },
        minutes=1499,
    )
    desk.said(
        conversation,
        "Falar com pessoa",
        kind="interactive",
        interactive={"type": "button_reply", "id": "2", "title": "Falar com pessoa"},
        minutes=20,
    )
    desk.said(
        conversation,
        kind="interactive",
        interactive={
            "type": "nfm_reply",
            "data": {"nome": "Carla Menezes", "olho_direito": "-2.25", "olho_esquerdo": "-1.75"},
        },
        minutes=18,
    )
    desk.said(
        conversation,
        kind="location",
        location={"latitude": -23.561, "longitude": -46.656, "name": "MASP", "address": "Av. Paulista, 1578"},
        minutes=16,
    )
    desk.said(conversation, "Quero trocar o grau antes de enviarem, dá tempo?", minutes=14)
    desk.waits(conversation, "Pediu uma pessoa", "Quer trocar o grau do pedido 12345 antes do envio.", minutes=14)
    return conversation


def others(desk: Desk) -> None:
    for name, number, reason, minutes in (
        ("Bruno Alves", "5511912345678", "Reclamação", 6),
        ("Daniela Prado", "5521998765432", "Fora do horário", 3),
    ):
        one = desk.conversation(name, number)
        desk.said(one, "Preciso de ajuda com a entrega, já faz duas semanas", minutes=minutes)
        desk.waits(
            one, reason, "A entrega atrasou e o cliente está irritado." if minutes > 5 else None, minutes=minutes
        )
    open_ = desk.conversation("Eduardo Lima", "5531988887777")
    desk.said(open_, "Qual o horário da loja?", minutes=2)
    desk.replied(open_, {"type": "text", "text": "Abrimos das 9 h às 18 h."}, minutes=1)


def row(page: Page, name: str):
    return page.locator("#rows .line", has_text=name)


@pytest.mark.parametrize("look", LOOKS)
def test_the_desk_in_every_look(console_url, new_page, enter, screenshot, desk, carla, look) -> None:
    others(desk)
    page = enter(new_page(**LOOKS[look]), "ana")
    expect(row(page, "Carla")).to_be_visible()
    screenshot(page, f"desk-inbox-{look}")
    row(page, "Carla").click()
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(page.locator("#bar")).to_have_attribute("data-mine", "yes")
    page.get_by_role("textbox", name="Texto").fill("Oi, Carla! Dá tempo sim.")
    screenshot(page, f"desk-reply-{look}")
    page.keyboard.press("Enter")
    expect(page.locator(".entry.by-person")).to_contain_text("Dá tempo sim")
    page.get_by_role("button", name="Nota interna").click()
    page.get_by_role("textbox", name="Texto").fill("Conferir com o laboratório")
    screenshot(page, f"desk-note-{look}")
    page.keyboard.press("Enter")
    expect(page.locator(".entry.note")).to_contain_text("laboratório")
    screenshot(page, f"desk-conversation-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if "narrow" in look:
        page.get_by_role("button", name="Cliente", exact=True).click()
        screenshot(page, f"desk-customer-{look}")


def test_what_happens_is_seen_without_a_reload(console_url, new_page, enter, desk, carla) -> None:
    ana, bia = enter(new_page(), "ana"), enter(new_page(), "bia")
    expect(ana).to_have_title(re.compile(r"^\(1\)"))
    ana.keyboard.press("Escape")  # browsers play sounds after a first key
    new = desk.conversation("Fábio Reis", "5541977776666")
    desk.said(new, "Alguém aí?")
    desk.waits(new, "Pediu uma pessoa")
    expect(row(ana, "Fábio")).to_be_visible()
    expect(ana).to_have_title(re.compile(r"^\(2\)"))
    expect(ana.locator("html")).to_have_attribute("data-sounds", re.compile(r"[1-9]"))
    row(ana, "Carla").click()
    row(bia, "Carla").click()
    expect(bia.locator("#bar")).to_contain_text("Ana Lima está vendo")
    ana.get_by_role("button", name="Assumir", exact=True).click()
    expect(bia.locator("#bar")).to_contain_text("com Ana Lima")
    expect(row(bia, "Carla")).to_have_count(0)  # it waits no more
    desk.said(carla, "Obrigada pela ajuda")
    expect(ana.locator("#thread")).to_contain_text("Obrigada pela ajuda")


def test_a_message_that_came_meanwhile_is_confirmed_and_a_draft_lasts(
    console_url, new_page, enter, desk, carla
) -> None:
    page = enter(new_page(), "ana")
    row(page, "Carla").click()
    page.get_by_role("button", name="Assumir", exact=True).click()
    text = page.get_by_role("textbox", name="Texto")
    expect(text).to_be_enabled()
    text.fill("Rascunho de resposta")
    expect(page.locator("#draft-state")).to_have_text("Rascunho salvo")
    page.reload()
    expect(text).to_have_value("Rascunho de resposta")
    page.route("**/head*", lambda route: route.abort())  # the page has not heard of it yet
    desk.said(carla, "Espera, mudei de ideia")
    text.press("Enter")
    expect(page.locator("#composer-problem")).to_contain_text("Chegou mensagem nova")
    page.unroute("**/head*")
    text.press("Enter")
    expect(page.locator(".entry.by-person")).to_contain_text("Rascunho de resposta")


def test_a_lost_connection_is_told_while_the_browser_tries_again(console_url, new_page, enter) -> None:
    page = enter(new_page(), "ana")
    streams = iter(["retry: 50\n\n"])  # one that ends at once, then none

    def stream(route: Route) -> None:
        body = next(streams, None)
        route.fulfill(content_type="text/event-stream", body=body) if body else route.abort()

    page.route("**/console/events*", stream)
    page.goto(f"{console_url}/")
    expect(page.locator("#offline")).to_be_visible()
    page.unroute("**/console/events*")
    expect(page.locator("#offline")).to_be_hidden()


def test_a_conversation_that_goes_to_a_department_of_others_leads_back_to_the_list(
    console_url, browser, enter, desk, carla
) -> None:
    desk._conn.execute("UPDATE person SET departments = ARRAY['pedidos'] WHERE login = 'ana'")
    page = enter(browser.new_page(locale="pt-BR"), "ana")  # the console of new_page may have no error, such as a 404
    page.goto(f"{console_url}/conversations/{carla}?view=all")
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(page.locator("#bar")).to_have_attribute("data-mine", "yes")
    page.get_by_label("Mais ações").click()
    page.get_by_role("button", name="Mudar o setor").click()
    page.get_by_role("combobox", name="Setor").fill("vendas")
    page.get_by_role("button", name="Salvar").click()
    expect(page.locator("#pane")).to_contain_text("Escolha uma conversa")
    expect(page).to_have_url(re.compile("view=all"))
    expect(row(page, "Carla")).to_have_count(0)
    page.close()
    state = "SELECT state, department FROM conversation WHERE id = %s"
    assert desk._conn.execute(state, (carla,)).fetchone() == ("waiting", "vendas")
