"""HTML in all that people and customers may name or write, seen by a browser: it is text, and none of it runs."""

from uuid import UUID

import psycopg
from playwright.sync_api import Page, expect

from tests.gateway.console.browser.test_tools import FILES
from tests.gateway.console.desk import Desk
from tests.gateway.console.test_text_is_text import EVIL, TAG

# What EVIL and TAG would become if a page took them for HTML. The page's own scripts are in its head.
MADE = "img[src='x'], [onclick], [onerror], body script"


def check(page: Page) -> None:
    """Fail where a hostile text is missing on a page, or became an element. (A script that runs fails `new_page`.)"""
    assert "alert(1)" in page.content(), page.url
    assert page.locator(MADE).count() == 0, page.url


def planted(desk: Desk, database: str) -> UUID:
    """Write hostile texts into every place that the gateway, its people and its customers fill."""
    evil = desk.conversation(EVIL, "5511987654321", department=EVIL)
    desk.waits(evil, EVIL, EVIL)
    desk.said(evil, EVIL, minutes=3)
    row = {"title": EVIL, "description": EVIL}
    answer = desk.replied(evil, {"type": "list", "body": EVIL, "sections": [{"rows": [row]}]}, minutes=2)
    desk.worked(answer, {"tool": EVIL, "arguments": EVIL, "result": EVIL})
    desk.replied(evil, {"type": "text", "text": EVIL}, author="person", status="uncertain", minutes=1)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE person SET name = %s, departments = ARRAY[%s] WHERE login = 'bia'", (EVIL, EVIL))
        conn.execute("UPDATE conversation SET assignee_id = (SELECT id FROM person WHERE login = 'bia')")
        conn.execute("INSERT INTO note (conversation_id, person_name, text) VALUES (%s, %s, %s)", (evil, EVIL, EVIL))
        conn.execute("INSERT INTO canned_reply (shortcut, title, text) VALUES ('mal', %s, %s)", (EVIL, EVIL))
        conn.execute("WITH t AS (INSERT INTO tag (name) VALUES (%s) RETURNING id) INSERT INTO conversation_tag "
                     "SELECT %s, id FROM t", (TAG, evil))  # fmt: skip
        conn.execute("UPDATE episode SET closed_at = now(), closed_by = 'person', reason = %s", (EVIL,))
    return evil


def test_hostile_texts_are_text_wherever_they_are_shown(console_url, new_page, enter, desk, database) -> None:
    evil = planted(desk, database)
    page = enter(new_page(), "rosa")
    page.goto(f"{console_url}/?view=all")
    check(page)
    page.locator("#rows .line-link").click()
    expect(page.locator("#thread")).to_contain_text("alert(1)")
    check(page)
    page.locator("#bar [data-do=take]").click()
    question = page.get_by_role("dialog", name="Assumir de <script>")
    expect(question).to_contain_text(f"A conversa está com {EVIL}")
    check(page)
    question.locator(".primary").click()
    expect(page.locator("#bar")).to_have_attribute("data-mine", "yes")
    page.locator(".entry.in [data-quote]").dispatch_event("click")
    expect(page.locator("#quoting")).to_contain_text("alert(1)")
    page.locator("#attach-input").set_input_files([{"name": EVIL.replace("/", "-"), **FILES[1][1]}])
    expect(page.locator("#attached > li[data-file]")).to_contain_text("alert(1)")
    page.locator("#composer-text").fill("/mal")
    expect(page.locator("#canned-list")).to_contain_text(EVIL)
    check(page)
    page.keyboard.press("Enter")
    expect(page.locator("#composer-text")).to_have_value(EVIL)
    expect(page.locator("#draft-state")).to_have_text("Rascunho salvo")
    page.reload()  # the draft and the file come from the server now
    expect(page.locator("#composer-text")).to_have_value(EVIL)
    check(page)
    page.goto(f"{console_url}/search?q=alert")
    expect(page.locator("#found mark").first).to_have_text("alert")
    customer = desk._conn.execute("SELECT contact_id FROM conversation").fetchone()
    person = desk._conn.execute("SELECT id FROM person WHERE login = 'bia'").fetchone()
    assert customer
    assert person
    for path in (
        "search?q=alert", "canned", "people", f"people/{person[0]}", "audit", f"customers/{customer[0]}/data?erase=1",
        f"conversations/{evil}?view=mine",
    ):  # fmt: skip
        page.goto(f"{console_url}/{path}")
        check(page)
