"""A day at the desk without a mouse: every decision has a key, and the focus stays where the next key is of use."""

from playwright.sync_api import expect

from tests.gateway.console.browser.test_desk import carla, others, row

__all__ = ["carla"]


def test_a_person_takes_answers_notes_searches_and_closes_by_keys(console_url, new_page, enter, desk, carla) -> None:
    others(desk)
    page = enter(new_page(), "ana")
    keys, text, messages = page.keyboard, page.locator("#composer-text"), page.locator("#scroller")
    expect(row(page, "Carla")).to_be_visible()
    keys.press("j")
    expect(messages).to_be_focused()
    keys.press("a")
    expect(text).to_be_focused()
    keys.type("Dá tempo sim.")
    keys.press("Enter")
    expect(page.locator(".entry.by-person")).to_contain_text("Dá tempo sim.")
    expect(text).to_be_focused()
    keys.press("Escape")
    expect(messages).to_be_focused()
    keys.press("n")
    keys.type("Conferir o grau")
    keys.press("Enter")
    expect(page.locator(".entry.note")).to_contain_text("Conferir o grau")
    keys.press("Escape")
    keys.press("f")
    keys.type("grau")
    expect(page.locator("#find-count")).to_have_text("1 de 1")
    keys.press("Escape")
    expect(messages).to_be_focused()
    keys.press("/")
    keys.type("Daniela")
    expect(page.locator("#found .line")).to_have_count(1)
    keys.press("Tab")
    keys.press("Enter")
    expect(page.locator("#bar h2")).to_have_text("Daniela Prado")
    expect(messages).to_be_focused()
    keys.press("e")
    keys.type("Resolvido por telefone")
    keys.press("Enter")
    expect(page.locator("#bar")).to_have_attribute("data-state", "closed")
    expect(messages).to_be_focused()


def test_the_focus_does_not_get_lost_where_the_page_changes(console_url, new_page, enter, desk, carla) -> None:
    page = enter(new_page(), "ana")
    page.goto(f"{console_url}/conversations/{carla}")
    more = page.get_by_label("Mais ações")
    more.press("Enter")
    page.locator("#bar .menu-list button:visible").first.focus()
    page.keyboard.press("Enter")  # put aside
    expect(page.get_by_role("dialog", name="Adiar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    take = page.get_by_role("button", name="Assumir", exact=True)
    take.focus()
    desk.set(carla, department="vendas")
    expect(page.locator("#bar")).to_contain_text("vendas")
    expect(take).to_be_focused()  # the bar is a new one
    message = page.locator(".entry.by-agent").first
    answer = desk.replied(carla, {"type": "text", "text": "Mais uma coisa"}, minutes=1)
    desk.worked(answer, {"tool": "order_status", "arguments": "{}", "result": "Em separação"})
    expect(page.locator("#thread")).to_contain_text("Mais uma coisa")
    page.reload()
    page.get_by_role("button", name="Boa resposta").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Boa resposta")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Boa resposta")).to_be_focused()
    expect(message).to_be_attached()
    row(page, "Carla").locator("[data-choose]").focus()
    page.keyboard.press("Space")
    page.locator("[data-bulk=close]").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Encerrar").get_by_role("button", name="Encerrar").press("Enter")
    expect(row(page, "Carla")).to_have_count(0)
    expect(page.locator(".view[aria-current]")).to_be_focused()
    page.keyboard.press("z")
    expect(row(page, "Carla")).to_be_visible()
