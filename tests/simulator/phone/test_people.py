"""Several people side by side."""

from playwright.sync_api import expect

from tests.simulator.phone.screen import MARIA, Meta, Screen
from tests.simulator.support.helpers import eventually


def test_two_people_talk_side_by_side_and_nothing_is_mixed(screen, meta, business, cloud, screenshot) -> None:
    screen.invite("João Silva")
    screen.write("sou a Maria")
    screen.write("sou o João", "João Silva")
    eventually(lambda: len(business.items("messages")) == 2)
    joao = next(one["from"] for one in business.items("messages") if one["text"]["body"] == "sou o João")
    meta.text("oi, Maria")
    Meta(cloud, joao).text("oi, João")
    expect(screen.bubbles("João Silva")).to_have_count(2)
    expect(screen.bubbles("Maria Souza")).to_have_count(2)
    expect(screen.bubble("oi, João", "João Silva")).to_be_visible()
    expect(screen.bubble("oi, Maria", "Maria Souza")).to_be_visible()
    screenshot(screen.page, "two-people")


def test_a_stranger_who_writes_appears_in_the_list(screen, simulator) -> None:
    simulator.post("personas/5521912345678/messages", text="quem é?", name="Rui Costa")
    entry = screen.page.get_by_role("navigation", name="Pessoas").get_by_role("button", name="Rui Costa")
    expect(entry).to_contain_text("quem é?")
    entry.click()
    expect(screen.bubble("quem é?", "Rui Costa")).to_be_visible()


def test_unread_messages_are_counted_until_the_phone_is_opened(screen, meta) -> None:
    screen.phone("Maria Souza").get_by_role("button", name="Fechar o telefone").click()
    meta.text("um")
    meta.text("dois")
    entry = screen.page.get_by_role("navigation", name="Pessoas").get_by_role("button", name="Maria Souza")
    expect(entry).to_contain_text("2 não lidas")
    entry.click()
    expect(entry).not_to_contain_text("não lidas")
    expect(screen.box("Maria Souza")).to_be_focused()


def test_the_search_finds_names_and_numbers(screen, simulator) -> None:
    simulator.post("personas/5521912345678/messages", text="oi", name="Rui Costa")
    people = screen.page.get_by_role("navigation", name="Pessoas").get_by_role("listitem")
    expect(people).to_have_count(2)
    screen.page.get_by_role("searchbox", name="Procurar pessoa").fill("rui")
    expect(people).to_have_count(1)
    expect(people).to_contain_text("Rui Costa")
    screen.page.get_by_role("searchbox", name="Procurar pessoa").fill(MARIA[-4:])
    expect(people).to_have_count(1)
    expect(people).to_contain_text("Maria Souza")


def test_the_address_remembers_who_is_open(screen) -> None:
    screen.invite("João Silva")
    screen.page.reload()
    expect(screen.phone("Maria Souza")).to_be_visible()
    expect(screen.phone("João Silva")).to_be_visible()


def test_somebody_known_by_a_user_id_only(screen, business) -> None:
    screen.page.get_by_role("button", name="Nova pessoa").click()
    screen.dialog().get_by_label("Nome").fill("Sem Número")
    screen.dialog().get_by_label("Só com identificador").check()
    screen.dialog().get_by_role("button", name="Enviar").click()
    screen.write("oi", "Sem Número")
    (message,) = eventually(lambda: business.items("messages"))
    assert "from" not in message
    assert message["from_user_id"].startswith("BR.")


def test_two_browsers_see_the_same(screen, new_page, simulator) -> None:
    other = Screen(new_page(), simulator.url)
    other.open()
    screen.write("veja")
    expect(other.bubble("veja")).to_be_visible()


def test_a_new_world_empties_the_page(screen, meta, simulator) -> None:
    meta.text("antes")
    expect(screen.bubble("antes")).to_be_visible()
    simulator.post("reset")
    expect(screen.bubbles()).to_have_count(0)
    expect(screen.phone("Maria Souza")).to_be_visible()
    meta.text("depois")
    expect(screen.bubble("depois")).to_be_visible()


def test_a_person_blocks_the_business_and_takes_it_back(screen, meta, simulator) -> None:
    about = screen.phone("Maria Souza").get_by_role("button", name="Mais sobre Maria Souza")
    about.click()
    screen.page.get_by_role("menuitem", name="Bloquear a empresa", exact=True).click()
    eventually(lambda: simulator.get("personas")["personas"][0]["blocks"])
    meta.text("não chega")
    expect(screen.bubble("não chega").locator(".ticks")).to_have_class("ticks sent")
    about.click()
    screen.page.get_by_role("menuitem", name="Desbloquear a empresa").click()
    eventually(lambda: not simulator.get("personas")["personas"][0]["blocks"])


def test_somebody_answers_on_the_phone_of_the_business(screen, business) -> None:
    screen.phone("Maria Souza").get_by_role("button", name="Mais sobre Maria Souza").click()
    screen.page.get_by_role("menuitem", name="Empresa responde pelo celular").click()
    screen.dialog().get_by_label("Mensagem").fill("Oi, aqui é o Pedro")
    screen.dialog().get_by_role("button", name="Enviar").click()
    expect(screen.bubble("aqui é o Pedro")).to_contain_text("pelo celular da empresa")
    assert eventually(lambda: business.items("message_echoes"))[0]["text"]["body"] == "Oi, aqui é o Pedro"
