"""Buttons, lists, links and forms: tapped by a person, received by the business."""

from playwright.sync_api import expect

from tests.simulator.support.helpers import eventually

BUTTONS = {
    "type": "button",
    "header": {"type": "text", "text": "Pedido 12345"},
    "body": {"text": "Seu pedido está *a caminho*. E agora?"},
    "footer": {"text": "SVLentes"},
    "action": {
        "buttons": [
            {"type": "reply", "reply": {"id": "track", "title": "Rastrear"}},
            {"type": "reply", "reply": {"id": "person", "title": "Falar com alguém"}},
        ]
    },
}
LIST = {
    "type": "list",
    "body": {"text": "Escolha um departamento"},
    "action": {
        "button": "Ver opções",
        "sections": [
            {"title": "Atendimento", "rows": [{"id": "sales", "title": "Vendas", "description": "Óculos e lentes"}]},
            {"title": "Outros", "rows": [{"id": "orders", "title": "Pedidos"}, {"id": "support", "title": "Suporte"}]},
        ],
    },
}


def answer(business) -> dict:
    return eventually(lambda: business.items("messages"))[0]


def test_a_button_is_tapped(screen, meta, business, screenshot) -> None:
    wamid = meta.send("interactive", BUTTONS)
    expect(screen.bubble("E agora?")).to_contain_text("Pedido 12345")
    screenshot(screen.page, "buttons")
    screen.bubble("E agora?").get_by_role("button", name="Rastrear").click()
    message = answer(business)
    assert message["interactive"] == {"type": "button_reply", "button_reply": {"id": "track", "title": "Rastrear"}}
    assert message["context"]["id"] == wamid
    mine = screen.bubbles().last
    expect(mine.locator(".text")).to_have_text("Rastrear")
    expect(mine.locator(".quote")).to_contain_text("Seu pedido está a caminho")


def test_a_row_of_a_list_is_chosen(screen, meta, business, screenshot) -> None:
    meta.send("interactive", LIST)
    screen.bubble("Escolha").get_by_role("button", name="Ver opções").click()
    dialog = screen.dialog()
    expect(dialog.get_by_role("group", name="Outros").get_by_role("radio")).to_have_count(2)
    send = dialog.get_by_role("button", name="Enviar")
    expect(send).to_be_disabled()
    dialog.get_by_role("radio", name="Vendas").check()
    screenshot(screen.page, "list")
    send.click()
    chosen = {"id": "sales", "title": "Vendas", "description": "Óculos e lentes"}
    assert answer(business)["interactive"] == {"type": "list_reply", "list_reply": chosen}
    expect(screen.bubbles().last).to_contain_text("Vendas")


def test_a_list_that_is_closed_sends_nothing(screen, meta, business) -> None:
    meta.send("interactive", LIST)
    opener = screen.bubble("Escolha").get_by_role("button", name="Ver opções")
    opener.click()
    screen.page.keyboard.press("Escape")
    expect(screen.dialog()).to_be_hidden()
    expect(opener).to_be_focused()
    assert business.items("messages") == []


def test_a_link_opens_elsewhere(screen, meta) -> None:
    action = {"name": "cta_url", "parameters": {"display_text": "Ver loja", "url": "https://loja.example/p"}}
    meta.send("interactive", {"type": "cta_url", "body": {"text": "Novidades"}, "action": action})
    link = screen.bubble("Novidades").get_by_role("link", name="Ver loja")
    expect(link).to_have_attribute("href", "https://loja.example/p")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a_template_is_shown_and_its_quick_reply_tapped(screen, meta, business, simulator, screenshot) -> None:
    components = [
        {"type": "HEADER", "format": "TEXT", "text": "Pedido enviado"},
        {"type": "BODY", "text": "Olá, {{1}}! Seu pedido *saiu*.", "example": {"body_text": [["Maria"]]}},
        {"type": "FOOTER", "text": "SVLentes"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Rastrear"}]},
    ]
    template = {"name": "enviado", "language": "pt_BR", "category": "UTILITY", "components": components}
    simulator.post("templates", account_id="200000000000002", templates=[template | {"status": "APPROVED"}])
    body = [{"type": "body", "parameters": [{"type": "text", "text": "Maria"}]}]
    meta.send("template", {"name": "enviado", "language": {"code": "pt_BR"}, "components": body})
    bubble = screen.bubble("Olá, Maria! Seu pedido saiu.")
    expect(bubble).to_contain_text("Pedido enviado")
    screenshot(screen.page, "template")
    bubble.get_by_role("button", name="Rastrear").click()
    assert answer(business)["button"] == {"payload": "Rastrear", "text": "Rastrear"}


def test_a_form_is_filled_in(screen, meta, business) -> None:
    parameters = {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Agendar", "flow_token": "t-1"}
    parameters |= {"flow_action": "navigate", "flow_action_payload": {"screen": "DAY"}}
    action = {"name": "flow", "parameters": parameters}
    meta.send("interactive", {"type": "flow", "body": {"text": "Quando você vem?"}, "action": action})
    screen.bubble("Quando").get_by_role("button", name="Agendar").click()
    answers = screen.dialog().get_by_label("Respostas do formulário")
    answers.fill("{dia: 3")
    assert "JSON" in answers.evaluate("area => area.validationMessage")
    answers.fill('{"dia": 3}')
    screen.dialog().get_by_role("button", name="Enviar").click()
    reply = answer(business)["interactive"]["nfm_reply"]
    assert '"dia": 3' in reply["response_json"]


def test_a_number_is_shared_by_the_button_that_asks_for_it(screen, meta, business) -> None:
    ask = {"type": "request_contact_info", "body": {"text": "Qual é o seu número?"}}
    meta.send("interactive", ask | {"action": {"name": "request_contact_info"}})
    screen.bubble("Qual é o seu número?").get_by_role("button", name="Compartilhar número").click()
    assert answer(business)["contacts"][0]["origin"] == "contact_request"
