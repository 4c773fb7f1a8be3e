"""Tools of an attendant in a browser: search, decisions about many conversations, canned replies."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.gateway.console.browser.test_composer import PNG

FILES = (
    ("tabela.pdf", {"mimeType": "application/pdf", "buffer": b"%PDF-1.7"}),
    ("<b>grade.png", {"mimeType": "image/png", "buffer": PNG}),
)


@pytest.fixture
def carla(desk):
    """A customer with more messages than a page shows, the wanted one long ago."""
    carla = desk.conversation("Carla Menezes", "5511987654321")
    desk.said(carla, "Quero lentes tóricas com grau <b>-2,25</b>", minutes=600)
    for place in range(70):
        desk.said(carla, f"Mensagem {place}", minutes=500 - place)
    desk.waits(carla, "Pediu uma pessoa", "Quer trocar o grau.", minutes=14)
    for name, number in (("Bruno Alves", "5511912345678"), ("Daniela Prado", "5521998765432")):
        one = desk.conversation(name, number)
        desk.said(one, "Preciso trocar o grau das lentes, já faz duas semanas que espero", minutes=5)
        desk.waits(one, "Reclamação", minutes=4)
    return carla


@pytest.fixture
def pictures(screenshot):
    """`pictures(page, "name")`: screenshots of what a page shows, light and dark, wide and narrow."""

    def take(page: Page, name: str) -> None:
        for width, suffix in ((390, "-narrow"), (1280, "")):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than {width}"
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                screenshot(page, f"{name}{suffix}-{scheme}")

    return take


def test_search_finds_and_leads_to_the_message(new_page, enter, pictures, desk, carla) -> None:
    page = enter(new_page(color_scheme="light"), "ana")
    page.keyboard.press("/")
    page.get_by_role("searchbox", name="Buscar conversas").fill("torica")
    found = page.locator("#found .line")
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text("tóricas")
    page.get_by_role("searchbox", name="Buscar conversas").fill("grau")
    expect(found).to_have_count(3)
    pictures(page, "search")
    found.last.click()
    expect(page.locator(".entry.hit")).to_contain_text("tóricas com grau <b>")
    expect(page.locator(".entry.hit")).to_be_in_viewport()
    page.get_by_role("button", name="Buscar nesta conversa").click()
    page.get_by_role("searchbox", name="Buscar nesta conversa").fill("mensagem")
    expect(page.locator("#find-count")).to_have_text("1 de 70")
    expect(page.locator("#thread")).to_contain_text("Mensagem 69")
    pictures(page, "find")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.get_by_role("searchbox", name="Buscar nesta conversa")).to_have_value("")
    expect(page.locator("#find-count")).to_have_text("")


def test_several_are_chosen_by_keys_assigned_and_taken_back(new_page, enter, pictures, desk, carla) -> None:
    page = enter(new_page(color_scheme="light"), "ana")
    rows = page.locator("#rows > .line")
    expect(rows).to_have_count(3)
    rows.first.locator(".line-link").focus()
    page.keyboard.press("x")
    rows.nth(1).locator("[data-choose]").check(force=True)
    expect(page.locator("#bulk-count")).to_have_text("2")
    pictures(page, "bulk")
    page.locator("[data-bulk=assign]").click()
    page.locator("#bulk-assign .primary").click()
    expect(rows).to_have_count(1)
    expect(page.locator(".toast")).to_contain_text("Atribuídas: 2")
    page.keyboard.press("z")
    expect(rows).to_have_count(3)
    page.keyboard.press("?")
    pictures(page, "help")


def test_canned_replies_are_written_and_inserted_at_the_cursor(console_url, new_page, enter, pictures, desk) -> None:
    carla = desk.conversation("Carla Menezes", "5511987654321")
    desk.said(carla, "Dá tempo de trocar o grau?")
    desk.waits(carla, "Pediu uma pessoa")
    page = enter(new_page(color_scheme="light"), "bia")
    page.goto(f"{console_url}/canned")
    for shortcut, text in (("oi", "Oi, {nome}! Aqui é {atendente}."), ("prazo", "O pedido {pedido} chega em 3 dias.")):
        page.get_by_role("textbox", name="Atalho").fill(shortcut)
        page.get_by_role("textbox", name="Nome").fill(shortcut.title())
        page.get_by_role("textbox", name="Texto").fill(text)
        for name, content in FILES if shortcut == "oi" else []:  # the second one in the place of the first
            page.locator('#canned-file input[type="file"]').set_input_files([{"name": name, **content}])
            expect(page.locator("[data-chosen]")).to_contain_text(name)
            expect(page.locator("[data-chosen] progress")).to_be_hidden()
            pictures(page, "canned-file")
        page.get_by_role("button", name="Salvar").click()
        expect(page.locator(".lines")).to_contain_text(text)
    pictures(page, "canned")
    page.goto(f"{console_url}/conversations/{carla}")
    page.get_by_role("button", name="Assumir", exact=True).click()
    text = page.locator("#composer-text")
    expect(text).to_be_enabled()
    text.press_sequentially("/")
    expect(page.locator("#canned-list li")).to_have_count(2)
    pictures(page, "canned-list")
    text.press_sequentially("oi")
    text.press("Enter")
    expect(text).to_have_value("Oi, Carla! Aqui é Beatriz.")
    expect(page.locator("#attached > li[data-file]")).to_contain_text("<b>grade.png")
    expect(page.locator("#attached img")).to_be_visible()
    pictures(page, "canned-attached")
    text.press_sequentially(" /pr")
    text.press("Tab")
    expect(text).to_have_value("Oi, Carla! Aqui é Beatriz. O pedido {pedido} chega em 3 dias.")
    text.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Preencha {pedido}")
    expect(page.locator("#draft-state")).to_have_text("Rascunho salvo")
    page.reload()  # the text is that of the draft
    expect(text).to_have_value(re.compile("{pedido}"))
    text.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Preencha {pedido}")
    text.press_sequentially("12345")  # the variable is chosen
    text.press("Enter")
    expect(page.locator(".entry.by-person")).to_contain_text("Beatriz. O pedido 12345 chega em 3 dias.")
    expect(page.locator(".entry.by-person img")).to_be_visible()


def test_a_person_vouches_for_the_number_beside_the_conversation(console_url, new_page, enter, pictures, desk) -> None:
    carla = desk.conversation("Carla Menezes", "5511987654321")
    desk.said(carla, "Mudei de número")
    desk.waits(carla, "Pediu uma pessoa")
    desk._conn.execute("UPDATE contact_key SET doubt = 'unverified'")
    page = enter(new_page(color_scheme="light"), "ana")
    page.goto(f"{console_url}/conversations/{carla}")
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(page.locator("#bar")).to_have_attribute("data-mine", "yes")
    expect(page.locator("#known")).to_contain_text("não confirmado")
    page.locator("#known").get_by_role("button", name="Confirmar").click()
    question = page.get_by_role("dialog", name="Confirmar")
    expect(question).to_have_accessible_description(re.compile("o agente mostra pedidos e dados dele"))
    expect(page.locator("#business")).to_have_attribute("aria-busy", "false")
    with page.expect_response("**/business") as asked_again:
        question.get_by_role("button", name="Confirmar").click()
    expect(page.locator("#known")).not_to_contain_text("não confirmado")
    assert asked_again.value.status == 200  # what the number leads to
    assert desk._conn.execute("SELECT doubt FROM contact_key").fetchall() == [(None,)]
    assert desk._conn.execute("SELECT person_name FROM audit WHERE action = 'number confirmed'").fetchall() == [
        ("Ana Lima",)
    ]


def test_the_agents_work_leads_to_its_trace_also_where_it_used_no_tool(
    console_url, new_page, enter, pictures, desk
) -> None:
    carla = desk.conversation("Carla Menezes", "5511987654321")
    step = {"tool": "order_status", "arguments": '{"order": "12345"}', "result": "Em separação"}
    runs = []
    for number, steps in enumerate(((step, step), (step,), ())):
        desk.said(carla, "E agora?", minutes=9 - number)
        runs.append(desk.worked(desk.replied(carla, {"type": "text", "text": f"Resposta {number}"}), *steps))
    page = enter(new_page(color_scheme="light"), "ana")
    page.goto(f"{console_url}/conversations/{carla}")
    for work in page.locator(".work").all():
        work.locator("summary").click()
    pictures(page, "trace")
    links = page.get_by_role("link", name="Ver o rastro da execução")
    addresses = [link.get_attribute("href") for link in links.all()]
    assert addresses == [f"https://traces.example.com/r/{run}" for run in runs]
    for link in links.all():
        assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    titles = [work.locator("summary").inner_text() for work in page.locator(".work").all()]
    assert titles == ["O agente usou 2 ferramentas", "O agente usou 1 ferramenta", "O agente não usou ferramentas"]


def test_a_dialog_does_not_keep_the_reason_of_an_earlier_decision(console_url, new_page, enter, carla) -> None:
    page = enter(new_page(), "ana")
    page.locator("#rows .line-link").first.focus()
    page.keyboard.press("x")
    button = page.locator("#bulk").get_by_role("button", name="Encerrar")
    reason = page.get_by_role("textbox", name="Motivo")
    for _ in range(2):
        button.click()
        expect(reason).to_have_value("")
        reason.fill("Resolvido por telefone")
        page.keyboard.press("Escape")
    page.goto(f"{console_url}/conversations/{carla}")
    page.locator("#scroller").focus()
    for _ in range(2):
        page.keyboard.press("e")
        expect(reason).to_have_value("")
        reason.fill("Resolvido por telefone")
        page.keyboard.press("Escape")


def test_without_canned_replies_the_list_leads_to_where_they_are_written(console_url, new_page, enter, carla) -> None:
    page = enter(new_page(), "ana")
    page.goto(f"{console_url}/conversations/{carla}")
    page.get_by_role("button", name="Assumir", exact=True).click()
    text = page.locator("#composer-text")
    expect(text).to_be_enabled()
    text.press_sequentially("/")
    page.get_by_role("link", name="Escrever uma").click()
    expect(page.get_by_role("heading", level=1, name="Respostas prontas")).to_be_visible()
