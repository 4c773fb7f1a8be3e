"""Accessibility: names, focus, contrast, narrow and dark screens; and no request from or to other sites."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.simulator.phone.screen import Screen
from tests.simulator.phone.test_interactive import BUTTONS, LIST
from tests.simulator.support.helpers import eventually

AA_TEXT = 4.5  # WCAG 2.2, 1.4.3

# The name of each control as the accessibility tree has it is what Playwright's snapshot prints in quotes.
NAMELESS = re.compile(r"^\s*- (button|link|textbox|searchbox|combobox|radio|checkbox|slider|tab|menuitem|spinbutton)"
                      r"(?: \[[^\]]*\])*:?$", re.MULTILINE)  # fmt: skip
PAIRS = [
    ("--text", "--mine"), ("--text", "--theirs"), ("--text", "--surface"), ("--text", "--ground"),
    ("--muted", "--theirs"), ("--muted", "--surface"), ("--muted", "--ground"), ("--muted", "--raised"),
    ("--link", "--theirs"), ("--link", "--mine"), ("--accent", "--surface"), ("--accent", "--ground"),
    ("--on-accent", "--accent"), ("--bad", "--surface"), ("--bad", "--wall"),
    ("--read", "--theirs"), ("--read", "--mine"),
]  # fmt: skip


def nameless(page: Page) -> list[str]:
    return [match[0].strip() for match in NAMELESS.finditer(page.locator("body").aria_snapshot())]


def test_every_control_has_a_name(screen, meta, business) -> None:
    screen.write("oi")
    meta.send("interactive", BUTTONS)
    meta.send("interactive", LIST)
    expect(screen.bubbles()).to_have_count(3)
    assert nameless(screen.page) == []
    for tab in ("Falhas", "Relógio", "Tráfego", "Endereços"):
        screen.tools(tab)
        assert nameless(screen.page) == []
    screen.page.keyboard.press("Escape")
    screen.attach("Localização")
    assert nameless(screen.page) == []


def test_the_check_for_names_finds_a_control_without_one(screen) -> None:
    screen.page.evaluate("document.body.append(document.createElement('button'), document.createElement('select'))")
    assert len(nameless(screen.page)) == 2


def test_a_message_is_written_and_sent_by_keyboard_alone(screen, business) -> None:
    screen.page.reload()
    box = screen.box("Maria Souza")
    box.wait_for()
    for _ in range(20):
        screen.page.keyboard.press("Tab")
        if box.evaluate("box => box === document.activeElement"):
            break
    screen.page.keyboard.type("só teclado")
    screen.page.keyboard.press("Tab")
    expect(screen.phone("Maria Souza").get_by_role("button", name="Enviar")).to_be_focused()
    screen.page.keyboard.press("Enter")
    assert eventually(business.texts) == ["só teclado"]
    expect(box).to_be_focused()


def test_a_reaction_by_keyboard_alone(screen, meta, business) -> None:
    meta.text("reaja")
    screen.bubble("reaja").get_by_role("button", name="Ações da mensagem").focus()
    for key in ("Enter", "ArrowDown", "Enter"):
        screen.page.keyboard.press(key)
    assert eventually(lambda: business.items("messages"))[0]["reaction"]["emoji"] == "❤️"
    expect(screen.page.get_by_role("menu")).to_be_hidden()


def test_escape_closes_a_menu_and_the_focus_goes_back(screen) -> None:
    opener = screen.phone("Maria Souza").get_by_role("button", name="Anexar")
    opener.press("Enter")
    expect(screen.page.get_by_role("menuitem", name="Imagem", exact=True)).to_be_focused()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("menu")).to_be_hidden()
    expect(opener).to_be_focused()


def test_new_messages_are_read_out(screen, meta) -> None:
    log = screen.phone("Maria Souza").get_by_role("log", name="Mensagens de Maria Souza")
    expect(log).to_have_attribute("aria-live", "polite")
    meta.text("novidade")
    expect(log.get_by_text("SVLentes:")).to_be_attached()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(new_page, simulator, scheme) -> None:
    screen = Screen(new_page(color_scheme=scheme), simulator.url)
    screen.open()
    names = sorted({name for pair in PAIRS for name in pair})
    read = "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue(name).trim())"
    expect(screen.page.locator("html")).to_have_attribute("data-theme", scheme)
    colours = dict(zip(names, screen.page.evaluate(read, names), strict=True))
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in low.items() if ratio < AA_TEXT} == {}


def contrast(one: str, other: str) -> float:
    """Return the contrast of two #rrggbb colours (WCAG's formula)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_dark_theme_can_be_chosen_and_stays(screen, meta, screenshot) -> None:
    screen.write("boa noite")
    meta.send("interactive", BUTTONS)
    expect(screen.bubbles()).to_have_count(2)
    html = screen.page.locator("html")
    expect(html).to_have_attribute("data-theme", "light")
    screen.page.get_by_role("button", name="Alternar tema").click()
    expect(html).to_have_attribute("data-theme", "dark")
    screen.page.reload()
    expect(html).to_have_attribute("data-theme", "dark")
    expect(screen.bubbles()).to_have_count(2)
    screenshot(screen.page, "dark")


def test_on_a_phone_list_and_conversation_take_turns(new_page, simulator, meta, screenshot) -> None:
    narrow = {"width": 360, "height": 740}
    screen = Screen(new_page(viewport=narrow, has_touch=True, is_mobile=True), simulator.url)
    screen.open()
    people = screen.page.get_by_role("navigation", name="Pessoas")
    expect(screen.phone("Maria Souza")).to_be_hidden()
    people.get_by_role("button", name="Maria Souza").tap()
    meta.text("Uma frase bem comprida para ver se ela quebra a linha: " + "palavra" * 20)
    meta.send("interactive", BUTTONS)
    expect(screen.bubbles()).to_have_count(2)
    expect(people).to_be_hidden()
    screenshot(screen.page, "narrow-chat")
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= narrow["width"]
    screen.phone("Maria Souza").get_by_role("button", name="Voltar à lista").tap()
    expect(people).to_be_visible()
    screenshot(screen.page, "narrow-list")
    screen.tools("Falhas")
    screenshot(screen.page, "narrow-tools")
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= narrow["width"]


def test_nothing_is_loaded_from_elsewhere(new_page, simulator) -> None:
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    screen = Screen(page, simulator.url)
    screen.open()
    screen.phone("Maria Souza").wait_for()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(simulator.url)] == []


def test_the_page_may_run_only_its_own_scripts(simulator) -> None:
    for path in ("/phone", "/phone/static/js/main.js", "/phone/facts"):
        answer = simulator.control.get(path)
        assert answer.is_success
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_simulator_that_goes_away_is_told(screen) -> None:
    screen.page.route("**/_sim/transcript**", lambda route: route.abort())
    screen.page.get_by_role("button", name="Nova pessoa").wait_for()
    screen.write("acorda")  # ends the waiting request
    expect(screen.page.get_by_text("Sem conexão com o simulador")).to_be_visible()
    screen.page.unroute("**/_sim/transcript**")
    expect(screen.page.get_by_text("Sem conexão com o simulador")).to_be_hidden()
