"""HTML and scripts in whatever people and customers may name or write are text on every page."""

import psycopg

from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML
from tests.gateway.console.test_bulk import send

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
TAG = "<b onclick=alert(1)>\"'"  # of 40 letters at most


async def test_names_messages_file_names_tags_and_notes_are_text(desk, signed_in, database) -> None:
    browser = await signed_in(Role.ADMIN, name=EVIL)
    conversation = desk.conversation(EVIL, "5511987654321", department=EVIL)
    desk.said(conversation, EVIL)
    document = {"status": "stored", "mime_type": "application/pdf", "filename": EVIL}
    desk.file(desk.said(conversation, kind="document", media=document), "document", "application/pdf", "x/a.pdf", 10)
    answer = desk.replied(conversation, {"type": "buttons", "header": EVIL, "body": EVIL, "buttons": [{"title": EVIL}]})
    desk.worked(answer, {"tool": EVIL, "arguments": EVIL, "result": EVIL})
    desk.said(conversation, kind="interactive", interactive={"type": "nfm_reply", "data": {EVIL: EVIL}})
    desk.said(conversation, kind="location", location={"latitude": 1, "longitude": 2, "name": EVIL, "address": EVIL})
    desk.said(conversation, kind="contacts", contacts=[{"name": {"formatted_name": EVIL}, "phones": [{"phone": EVIL}]}])
    desk.waits(conversation, EVIL, EVIL)
    base = f"/console/conversations/{conversation}"
    with psycopg.connect(database) as conn:
        version = conn.execute("SELECT version FROM conversation WHERE id = %s", (conversation,)).fetchone()[0]
    assert (await send(browser, f"{base}/take", {"version": version})).status_code == 200
    for name in (TAG, TAG.upper() + "2"):
        assert (await send(browser, f"{base}/tags", {"name": name})).status_code == 200
    assert (await send(browser, f"{base}/note", {"text": EVIL})).status_code == 200
    saved = {"shortcut": "mal", "title": EVIL, "text": EVIL, "shared": "1"}
    assert (await browser.submit("/console/canned", saved, page="/console/canned")).status_code == 303
    paths = (
        base, f"{base}/pane", f"{base}/head", f"{base}/thread", "/console/?view=mine", "/console/list?view=mine",
        f"/console/rows?view=mine&id={conversation}", "/console/search?q=alert", "/console/canned", "/console/people",
        "/console/audit", "/console/account",
    )  # fmt: skip
    for path in paths:
        page = (await browser.get(path, headers=HTML)).text
        assert "alert(1)" in page, path  # it is there
        for tag in ("<script>alert", "<img src=x", "<b onclick", "<B ONCLICK"):
            assert tag not in page, path
