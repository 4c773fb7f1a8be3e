"""The composer in a browser: files, reactions, the closed window, in every look."""

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect
from psycopg.types.json import Jsonb

from tests.gateway.console.browser.test_access_pages import LOOKS
from tests.gateway.console.desk import CHANNEL

# A picture of one green point.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg=="
)
LARGE = 9_000_000  # bytes of a document: more than other bodies on the port may have
PASTE = """([name, bytes]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  document.querySelector("#composer-text").dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def carla(desk):
    """A customer who waits for a person."""
    conversation = desk.conversation("Carla Menezes", "5511987654321")
    desk.said(conversation, "Qual lente vocês têm?", minutes=5)
    desk.waits(conversation, "Pediu uma pessoa", minutes=5)
    return conversation


def taken(page: Page, console_url: str, conversation: object) -> Page:
    page.goto(f"{console_url}/conversations/{conversation}")
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(page.get_by_role("textbox", name="Texto")).to_be_enabled()
    return page


@pytest.mark.parametrize("look", LOOKS)
def test_files_a_reaction_and_the_closed_window(console_url, new_page, enter, screenshot, desk, carla, look) -> None:
    page = taken(enter(new_page(**LOOKS[look]), "ana"), console_url, carla)
    page.locator("#attach-input").set_input_files(
        [
            {"name": "catálogo.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7" + bytes(LARGE)},
            {"name": "macro.exe", "mimeType": "application/x-msdownload", "buffer": b"MZ"},
        ]
    )
    page.evaluate(PASTE, ["<b>lente</b>.png", list(PNG)])
    attached = page.locator("#attached > li")
    expect(attached).to_have_count(3)
    expect(page.locator("#attached > li[data-file]")).to_have_count(2)
    expect(attached.filter(has_text="macro.exe")).to_contain_text("não entrega este tipo de arquivo")
    expect(attached.filter(has_text="<b>lente</b>.png").locator("img")).to_be_visible()
    page.get_by_role("textbox", name="Texto").fill("Esta serve bem.")
    screenshot(page, f"composer-files-{look}")
    attached.filter(has_text="macro.exe").get_by_role("button").click()
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".entry.by-person")).to_have_count(2)
    expect(page.locator(".entry.by-person img")).to_be_visible()
    expect(page.locator(".entry.by-person").first).to_contain_text("catálogo.pdf")
    expect(page.locator(".entry.by-person").first).to_contain_text("Esta serve bem.")
    expect(attached).to_have_count(0)
    message = page.locator(".entry.in").first
    message.hover()
    message.get_by_role("button", name="Reagir").click()
    screenshot(page, f"composer-reaction-{look}")
    page.get_by_role("button", name="Reagir com 👍").click()
    expect(message.locator(".reactions")).to_have_text("👍")
    desk._conn.execute(
        "INSERT INTO fallback_template (phone_number_id, template, text) VALUES (%s, %s, %s)",
        (CHANNEL, Jsonb({"type": "template", "name": "retomar", "language": "pt_BR"}), "Podemos continuar?"),
    )
    desk._conn.execute("UPDATE message SET status = 'uncertain' WHERE type = 'media'")
    desk._conn.execute("UPDATE conversation SET last_inbound_at = now() - interval '25 hours'")
    page.reload()
    expect(page.get_by_role("textbox", name="Texto")).to_be_disabled()
    expect(page.locator(".offer")).to_contain_text("Podemos continuar?")
    screenshot(page, f"composer-closed-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    before = page.locator(".entry.by-person").count()
    offer = page.get_by_role("button", name="Enviar modelo")
    offer.click()
    question = page.get_by_role("dialog", name="Enviar modelo")
    expect(question).to_contain_text("Enviar este modelo ao cliente?")
    screenshot(page, f"composer-question-{look}")
    page.keyboard.press("Escape")
    expect(offer).to_be_focused()
    expect(page.locator(".entry.by-person")).to_have_count(before)
    page.keyboard.press("Enter")
    question.get_by_role("button", name="Enviar modelo").press("Enter")
    expect(page.locator(".entry.by-person").last).to_contain_text("Podemos continuar?")


def test_a_quote_goes_with_the_conversation_and_the_text_stays(console_url, new_page, enter, desk, carla) -> None:
    desk.said(carla, "Chega até sexta?", minutes=1)
    page = taken(enter(new_page(), "ana"), console_url, carla)
    message = page.locator(".entry.in").last
    message.hover()
    message.get_by_role("button", name="Responder a esta mensagem").click()
    text = page.get_by_role("textbox", name="Texto")
    text.fill("Chega na quinta.")
    expect(page.locator("#quoting")).to_contain_text("Chega até sexta?")
    expect(page.locator("#draft-state")).to_have_text("Rascunho salvo")
    page.get_by_role("button", name="Devolver ao agente").click()
    expect(text).to_be_disabled()
    expect(page.locator("#quoting")).to_be_hidden()
    expect(page.get_by_role("button", name="Responder a esta mensagem")).to_have_count(0)
    page.get_by_role("button", name="Assumir", exact=True).click()
    expect(text).to_be_enabled()
    expect(text).to_have_value("Chega na quinta.")
    page.reload()
    expect(text).to_have_value("Chega na quinta.")
    expect(page.locator("#quoting")).to_be_hidden()


def test_a_draft_is_said_to_be_saved_once_all_of_it_is(console_url, new_page, enter, carla) -> None:
    page = taken(enter(new_page(), "ana"), console_url, carla)
    held = hold_drafts(page)
    text, state = page.get_by_role("textbox", name="Texto"), page.locator("#draft-state")
    text.fill("Chega")
    first = next(held)
    text.fill("Chega na quinta.")
    page.wait_for_timeout(1_500)  # more than the time after which it would be stored
    first.continue_()  # and only now the second one leaves
    second = next(held)
    assert second.request.post_data_json["text"] == "Chega na quinta."
    expect(state).to_have_text("")
    second.continue_()
    expect(state).to_have_text("Rascunho salvo")
    page.reload()
    expect(text).to_have_value("Chega na quinta.")


def test_a_draft_that_arrives_after_its_message_does_not_stay(console_url, new_page, enter, carla) -> None:
    page = taken(enter(new_page(), "ana"), console_url, carla)
    held = hold_drafts(page)
    text = page.get_by_role("textbox", name="Texto")
    text.fill("Chega na quinta.")
    late = next(held)
    text.press("Enter")
    expect(page.locator(".entry.by-person")).to_contain_text("Chega na quinta.")
    late.continue_()
    emptied = next(held)
    assert emptied.request.post_data_json["text"] == ""
    with page.expect_response("**/draft"):
        emptied.continue_()
    page.reload()
    expect(text).to_be_enabled()
    expect(text).to_have_value("")


def test_what_was_typed_last_is_kept_where_the_page_is_left_at_once(console_url, new_page, enter, desk, carla) -> None:
    page = taken(enter(new_page(), "ana"), console_url, carla)
    text = page.get_by_role("textbox", name="Texto")
    text.fill("Chega na quinta.")
    page.get_by_role("button", name="Nota interna").click()
    text.fill("Tem pressa.")
    page.goto("about:blank")
    for _ in range(250):  # the requests outlive their page, and nothing waits for them
        if desk._conn.execute("SELECT FROM draft").rowcount == 2:
            break
        page.wait_for_timeout(20)
    kept = desk._conn.execute("SELECT mode, text FROM draft ORDER BY mode").fetchall()
    assert kept == [("note", "Tem pressa."), ("reply", "Chega na quinta.")]


def test_a_draft_that_could_not_be_stored_is_stored_with_the_next_letter(console_url, new_page, enter, carla) -> None:
    page = taken(enter(new_page(), "ana"), console_url, carla)
    page.route("**/draft", lambda route: route.abort())
    text = page.get_by_role("textbox", name="Texto")
    with page.expect_event("requestfailed"):
        text.fill("Chega na")
    page.unroute("**/draft")
    text.press_sequentially(" quinta.")
    expect(page.locator("#draft-state")).to_have_text("Rascunho salvo")
    page.reload()
    expect(text).to_have_value("Chega na quinta.")


def hold_drafts(page: Page) -> Iterator[Route]:
    """Hold the requests back that store a draft, and give one after another to the caller, who lets it go."""
    held: list[Route] = []

    def hold(route: Route) -> None:  # Playwright takes no method of a list
        held.append(route)

    page.route("**/draft", hold)

    def each() -> Iterator[Route]:
        for _ in range(1_000):
            if held:
                yield held.pop(0)
            page.wait_for_timeout(20)

    return each()
