"""Text, emoji, replies, reactions, ticks and typing: a conversation in the browser, its webhooks at the business."""

from playwright.sync_api import expect

from tests.simulator.support.helpers import eventually


def test_what_a_person_writes_reaches_the_business_and_its_answer_the_person(
    screen, meta, business, screenshot
) -> None:
    screen.write("Olá, quero saber do meu pedido *12345*")
    assert eventually(business.texts) == ["Olá, quero saber do meu pedido *12345*"]
    meta.text("Seu pedido está _a caminho_.")
    reply = screen.bubble("Seu pedido está a caminho.")
    expect(reply.locator("em")).to_have_text("a caminho")
    expect(screen.bubble("quero saber").locator("strong")).to_have_text("12345")
    screenshot(screen.page, "chat")


def test_shift_and_enter_begins_a_line_and_the_button_sends(screen, business) -> None:
    box = screen.box("Maria Souza")
    box.press_sequentially("um")
    box.press("Shift+Enter")
    box.press_sequentially("dois")
    screen.phone("Maria Souza").get_by_role("button", name="Enviar", exact=True).click()
    assert eventually(business.texts) == ["um\ndois"]
    expect(box).to_have_value("")


def test_an_emoji_is_put_where_the_cursor_is(screen, business) -> None:
    screen.box("Maria Souza").fill("bom dia")
    screen.phone("Maria Souza").get_by_role("button", name="Emojis").click()
    screen.page.get_by_role("dialog", name="Emojis").get_by_role("button", name="😎").click()
    screen.box("Maria Souza").press("Enter")
    assert eventually(business.texts) == ["bom dia😎"]


def test_ticks_say_how_far_a_message_came(screen, meta, business, simulator) -> None:
    business.answers = [500]  # and then 200, when it is tried again
    simulator.configure(retries={"first_seconds": 1.5})
    screen.write("oi")
    mine = screen.bubble("oi").locator(".ticks")
    expect(mine).to_have_class("ticks sent")
    expect(mine).to_have_class("ticks delivered")
    meta.read(eventually(lambda: business.items("messages"))[0]["id"])
    expect(mine).to_have_class("ticks read")
    simulator.configure(ticks={"sent": 0.01, "delivered": 0.02, "read": None})
    meta.text("entregue")
    expect(screen.bubble("entregue").locator(".ticks")).to_have_class("ticks delivered")
    expect(screen.bubble("entregue").locator(".ticks")).to_contain_text("entregue")


def test_a_failure_shows_with_its_code(screen, meta, business, simulator) -> None:
    simulator.fault("send", "failed", code=131047)
    meta.text("tarde demais")
    expect(screen.bubble("tarde demais")).to_contain_text("Não entregue: 131047")


def test_the_business_is_seen_typing_until_it_answers(screen, meta, business, screenshot) -> None:
    screen.write("oi")
    meta.read(eventually(lambda: business.items("messages"))[0]["id"], typing=True)
    state = screen.phone("Maria Souza").get_by_role("status").first
    expect(state).to_have_text("SVLentes está digitando…")
    screenshot(screen.page, "typing")
    meta.text("olá")
    expect(state).to_contain_text("janela até")


def test_a_reply_quotes_what_it_answers(screen, meta, business, screenshot) -> None:
    wamid = meta.text("Qual é o número do pedido?")
    screen.menu(screen.bubble("Qual é o número"), "Responder")
    screenshot(screen.page, "replying")
    screen.write("12345")
    message = eventually(lambda: business.items("messages"))[0]
    assert message["context"]["id"] == wamid
    expect(screen.bubble("12345").locator(".quote")).to_contain_text("Qual é o número do pedido?")
    meta.text("Obrigado!", context={"message_id": message["id"]})
    expect(screen.bubble("Obrigado!").locator(".quote")).to_contain_text("Você")


def test_escape_gives_a_reply_up(screen, meta, business) -> None:
    meta.text("responda")
    screen.menu(screen.bubble("responda"), "Responder")
    screen.box("Maria Souza").press("Escape")
    screen.write("sem citação")
    assert "context" not in eventually(lambda: business.items("messages"))[0]


def test_reactions_of_both_sides(screen, meta, business) -> None:
    wamid = meta.text("Chegou!")
    screen.menu(screen.bubble("Chegou!"), "Reagir com ❤️")
    mine = screen.bubble("Chegou!").get_by_role("button", name="Sua reação: ❤️. Remover")
    expect(mine).to_be_visible()
    assert eventually(lambda: business.items("messages"))[0]["reaction"] == {"message_id": wamid, "emoji": "❤️"}
    screen.write("que bom")
    message = eventually(lambda: business.items("messages")[1:])[0]
    meta.send("reaction", {"message_id": message["id"], "emoji": "👍"})
    expect(screen.bubble("que bom").locator(".reaction")).to_contain_text("👍")
    mine.click()
    expect(mine).to_be_hidden()
    eventually(lambda: len(business.items("messages")) == 3)
    assert business.items("messages")[2]["reaction"].get("emoji", "") == ""


def test_information_shows_the_json_of_both_directions(screen, meta, business, screenshot) -> None:
    meta.text("com dados", biz_opaque_callback_data="nossa-mensagem-1")
    eventually(lambda: len(business.items("statuses")) == 3)
    screen.menu(screen.bubble("com dados"), "Informações e JSON")
    dialog = screen.dialog()
    expect(dialog).to_contain_text("nossa-mensagem-1")
    expect(dialog.get_by_text("Da Meta para o gateway")).to_be_visible()
    expect(dialog.get_by_text("aceito (200)")).to_have_count(3)
    expect(dialog.get_by_text("/messages: 200")).to_have_count(1)
    screenshot(screen.page, "information")
    screen.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_what_people_write_is_never_markup(screen, meta, business) -> None:
    text = "<img src=x onerror=\"document.title='feito'\"> <b>oi</b> javascript:alert(1)"
    screen.write(text)
    meta.text(f"*{text}*")
    expect(screen.bubbles()).to_have_count(2)
    expect(screen.bubbles().first.locator(".text")).to_have_text(text)
    assert screen.bubbles().locator("img, b, a").count() == 0
    assert screen.page.title() == "Telefone · simulador"


def test_marks_lists_and_links_look_as_on_whatsapp(screen, meta, screenshot) -> None:
    lines = ["*negrito* _itálico_ ~riscado~ `código`", "- um", "- *dois*", "2. segundo", "3. terceiro", "> citado"]
    meta.text("\n".join(lines) + "\n```bloco```\nsnake_case_aqui 2*3*4 https://exemplo.com.br/a_b_c.")
    text = screen.bubbles().first.locator(".text")
    expect(text.locator("pre")).to_have_text("bloco")  # shown: what follows does not wait
    found = {tag: text.locator(tag).all_inner_texts() for tag in ("p > strong", "em", "s", "ul > li", "ol > li", "pre")}
    assert found == {
        "p > strong": ["negrito"],
        "em": ["itálico"],
        "s": ["riscado"],
        "ul > li": ["um", "dois"],
        "ol > li": ["segundo", "terceiro"],
        "pre": ["bloco"],
    }
    expect(text.locator("ol")).to_have_attribute("start", "2")
    expect(text.locator("blockquote")).to_have_text("citado")
    expect(text.get_by_role("link")).to_have_attribute("href", "https://exemplo.com.br/a_b_c")
    expect(text).to_contain_text("snake_case_aqui 2*3*4")
    assert screen.page.locator(".person a").count() == 0, "a link inside a button"
    screenshot(screen.page, "formatting")


def test_a_message_is_edited_and_deleted(screen, business) -> None:
    screen.write("pedido 1234")
    screen.menu(screen.bubble("pedido 1234"), "Editar")
    screen.dialog().get_by_label("Texto").fill("pedido 12345")
    screen.dialog().get_by_role("button", name="Guardar").click()
    bubble = screen.bubble("pedido 12345")
    expect(bubble).to_contain_text("editada")
    screen.menu(bubble, "Apagar para todos")
    expect(screen.bubbles()).to_have_count(1)
    expect(screen.bubbles().first).to_contain_text("Mensagem apagada")
    eventually(lambda: [item["type"] for item in business.items("messages")] == ["text", "edit", "revoke"])
