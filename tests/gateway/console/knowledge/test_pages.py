"""Texts in the console: written, tried, published, changed, taken back, deleted; and what happens without an answer."""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from gateway.console.knowledge import server
from gateway.console.knowledge.importing import FILE_BYTES_LIMIT
from gateway.store.database import Pool
from gateway.store.people import audit
from gateway.store.people.people import Role
from graph import knowledge_answer
from graph.knowledge.data import Text
from graph.knowledge.tables import Knowledge
from simulator.ports import free_port
from tests.gateway.console.conftest import HOST, HTML, Browser, Open
from tests.gateway.console.knowledge.conftest import Enter
from tests.graph.files import bombs
from tests.graph.knowledge.conftest import PIX, published, question
from tests.graph.support.talk import ScriptedModel

PAGE = "/console/knowledge"
CARE = bombs.pages("Lave as lentes com a solucao multiuso.", "Nunca use agua da torneira.")
NASTY = "<script>alert(1)</script>"
FORM = {
    "kind": "qa", "title": f"Aceitam Pix? {NASTY}", "wordings": "aceita pix?\r\n\r\nda pra pagar no pix",
    "content": f"Sim, aceitamos Pix. {NASTY}", "owner": "Bia", "valid_until": "2999-12-31",
}  # fmt: skip


async def show(browser: Browser, path: str) -> str:
    answer = await browser.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    assert "<script>alert" not in answer.text
    return answer.text


async def write(browser: Browser, **fields: Any) -> str:
    """Write a text and return the address of its page."""
    answer = await browser.submit(PAGE, FORM | fields, page=f"{PAGE}/new")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def seen(browser: Browser, path: str) -> str:
    """Return the mark of the version that a page shows."""
    found = re.search(r'name="seen" value="([^"]+)"', await show(browser, path))
    assert found
    return found[1]


async def done(pool: Pool) -> list[tuple[str, str]]:
    async with pool.connection() as conn:
        return [(one.action, one.subject) for one in reversed(await audit.page(conn, 50)) if "know" in one.action]


async def test_a_text_is_written_tried_published_changed_taken_back_and_deleted(enter: Enter, pool: Pool) -> None:
    browser = await enter(Role.MANAGER)
    path = await write(browser)
    page = await show(browser, path)
    for shown in ("Rascunho", "Publicar", "aceita pix?", "Como o agente lê", "31/12/2999 23:59"):
        assert shown in page, shown
    asked = {"question": "vcs aceitam pix?"}
    assert "Nada encontrado" in (await browser.submit(f"{PAGE}/try", asked)).text
    tried = (await browser.submit(f"{PAGE}/try", asked | {"draft": path.rpartition("/")[2]})).text
    assert "o agente recebe" in tried
    assert (await browser.submit(f"{path}/publish", {"seen": await seen(browser, path)})).status_code == 303
    assert "o agente recebe" in (await browser.submit(f"{PAGE}/try", asked)).text
    changed = FORM | {"content": "Só Pix.", "seen": await seen(browser, f"{path}/edit")}
    assert (await browser.submit(path, changed)).status_code == 303
    page = await show(browser, path)
    assert "O que está no ar (versão 1)" in page
    assert "Só Pix." not in (await browser.submit(f"{PAGE}/try", asked)).text
    assert (await browser.submit(f"{path}/publish", {"seen": await seen(browser, path)})).status_code == 303
    assert "Só Pix." in (await browser.submit(f"{PAGE}/try", asked)).text
    assert (await browser.submit(f"{path}/take-back")).status_code == 303
    assert "Fora do ar" in await show(browser, path)
    assert "Nada encontrado" in (await browser.submit(f"{PAGE}/try", asked)).text
    assert (await browser.submit(f"{path}/delete")).headers["location"] == PAGE
    assert (await browser.get(path, headers=HTML)).status_code == 404
    subject = f"knowledge:{path.rpartition('/')[2]}"
    ways = ("written", "published", "written", "published", "taken_back", "deleted")
    assert await done(pool) == [(f"knowledge_{way}", subject) for way in ways]


async def test_a_form_keeps_the_days_and_words_of_a_text(enter: Enter) -> None:
    browser = await enter(Role.MANAGER)
    where = {"department": "orders", "channel_id": "106540352242922", "link": "https://loja.example/pix"}
    path = await write(browser, valid_from="2026-01-01", valid_until="2026-12-31", **where)
    page = await show(browser, f"{path}/edit")
    for value in ("2026-01-01", "2026-12-31", "https://loja.example/pix", "106540352242922"):
        assert f'value="{value}"' in page, value
    assert re.search(r'<option value="orders" selected>', page)
    assert "aceita pix?\nda pra pagar no pix</textarea>" in page


async def test_the_list_is_narrowed_down(enter: Enter, known: Knowledge) -> None:
    await published(known, PIX.model_copy(update={"owner": "Loja", "department": "orders"}))
    await published(known, question("Emitem nota?", "Sim.", valid_until="2020-01-01T00:00:00Z"))
    await known.sources.write(Text(kind="markdown", title="Trocas", content="# Prazo\n\nSete dias úteis."))
    browser = await enter(Role.ATTENDANT)

    async def titles(**wanted: str) -> set[str]:
        page = (await browser.get(PAGE, headers=HTML, params=wanted)).text
        return {title for title in (PIX.title, "Emitem nota?", "Trocas") if f">{title}</a>" in page}

    assert await titles() == {PIX.title, "Emitem nota?", "Trocas"}
    assert await titles(state="published") == await titles(owner="Loja") == await titles(department="orders")
    assert await titles(words="CARTOES") == {PIX.title}
    assert await titles(state="expired") == {"Emitem nota?"}
    assert await titles(state="draft") == await titles(kind="markdown") == await titles(words="uteis") == {"Trocas"}
    assert await titles(state="nonsense") == await titles()
    assert "Nova pergunta" not in await show(browser, PAGE)  # attendants read


WRONG = (
    {"title": " "}, {"content": ""}, {"kind": "poem"}, {"link": "http://loja.example"}, {"link": "https://["},
    {"title": "x" * 301}, {"wordings": "a\n" * 51}, {"valid_from": "soon"}, {"valid_until": "0001-01-01"},
    {"valid_from": "2026-02-01", "valid_until": "2026-01-01"},
)  # fmt: skip


async def test_a_wrong_form_says_what_is_wrong_and_keeps_the_words(enter: Enter) -> None:
    browser = await enter(Role.MANAGER)
    for fields in WRONG:
        answer = await browser.submit(PAGE, FORM | fields, page=f"{PAGE}/new")
        assert answer.status_code == 422, fields
        assert 'class="problem"' in answer.text
        assert "Sim, aceitamos" in answer.text or "content" in fields


async def test_nobody_writes_over_what_a_colleague_has_written_since(enter: Enter, known: Knowledge) -> None:
    browser = await enter(Role.MANAGER)
    path = await write(browser)
    opened = {"seen": await seen(browser, f"{path}/edit")}
    await known.sources.write(PIX, UUID(path.rpartition("/")[2]))
    answer = await browser.submit(path, FORM | opened | {"content": "Minha versão"})
    assert (answer.status_code, "Outra pessoa mudou" in answer.text, "Minha versão" in answer.text) == (422, True, True)
    assert (await browser.submit(f"{path}/publish", opened)).status_code == 409


async def test_a_text_of_a_folder_is_changed_there(enter: Enter, known: Knowledge) -> None:
    await known.sources.replace("demo:", {"pix.md#": PIX})
    [text] = await known.sources.sources()
    browser = await enter(Role.MANAGER)
    page = await show(browser, f"{PAGE}/{text.source_id}")
    assert "demo:pix.md#" in page
    assert f"{text.source_id}/edit" not in page
    assert (await browser.get(f"{PAGE}/{text.source_id}/edit", headers=HTML)).status_code == 409


@pytest.mark.parametrize("away", ["closed port", "second server answers"])
async def test_any_well_server_is_asked_and_none_blocks_no_other_page(enter: Enter, agent_url: str, away: str) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    browser = await enter(Role.MANAGER, dead if away == "closed port" else f"{dead},{agent_url}")
    answer = await browser.get(PAGE, headers=HTML)
    if away == "closed port":
        assert (answer.status_code, "não responde" in answer.text) == (503, True)
        assert (await browser.get("/console/", headers=HTML)).status_code == 200
    else:
        assert answer.status_code == 200
        await write(browser)


@pytest.mark.parametrize(("path", "servers"), [(PAGE, 2), (f"{PAGE}/cases", 1)])
async def test_a_server_that_hangs_is_looked_at_and_not_waited_for(
    enter: Enter, agent_url: str, monkeypatch: pytest.MonkeyPatch, path: str, servers: int
) -> None:
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).split()[1])
        await reader.read()
        writer.close()

    monkeypatch.setattr(server, "_LOOK_SECONDS", 0.2)
    hanging = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with hanging:
        dead = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]}"
        browser = await enter(Role.MANAGER, f"{dead},{agent_url}" if servers > 1 else dead)
        for _ in range(2):
            assert (await browser.get(path, headers=HTML)).status_code == (200 if servers > 1 else 503)
        assert set(asked) == {b"/ok"}


async def test_without_a_token_there_is_no_such_page(signed_in: Callable[..., Any]) -> None:
    browser = await signed_in(Role.ADMIN)
    assert "/console/knowledge" not in (await browser.get("/console/account", headers=HTML)).text
    answer = await browser.get(PAGE, headers=HTML)
    assert (answer.status_code, "não está ligada" in answer.text) == (404, True)


async def test_a_wrong_token_is_no_answer(open_console: Open, agent_url: str, signed_in: Callable[..., Any]) -> None:
    await signed_in(Role.ADMIN)
    browser = await open_console(knowledge_token="wrong", langgraph_url=agent_url)
    await browser.sign_in("admin")
    assert (await browser.get(PAGE, headers=HTML)).status_code == 503


async def test_the_answer_of_the_agent_is_shown_on_request(
    enter: Enter, known: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = await published(known, PIX)
    model = ScriptedModel()
    model.prepare(f"Sim {NASTY} [1].")
    monkeypatch.setattr(knowledge_answer, "chat_model", lambda _: model)
    browser = await enter(Role.ATTENDANT)
    page = (await browser.submit(f"{PAGE}/try", {"question": "aceita pix?", "answer": "1"})).text
    assert "O que o agente responderia" in page
    assert "Sim &lt;script&gt;" in page
    assert page.count(f"/console/knowledge/{version.source_id}") == 2


async def send(browser: Browser, name: str, content: bytes) -> Any:
    token = browser.token(await show(browser, f"{PAGE}/imports"))
    headers = {"origin": HOST, "x-csrf-token": token, "x-file-name": quote(name)}
    return await browser.post(f"{PAGE}/imports/file", content=content, headers=headers)


async def test_a_pdf_becomes_a_draft_and_a_wrong_file_says_what_is_wrong(enter: Enter, known: Knowledge) -> None:
    browser = await enter(Role.MANAGER)
    assert (await send(browser, "Cuidados<b>.pdf", CARE)).status_code == 200
    assert "na fila" in await show(browser, f"{PAGE}/imports")
    await known.worker.read_next()
    page = await show(browser, f"{PAGE}/imports/rows")
    assert "pronto" in page
    found = re.search(r'href="(/console/knowledge/[0-9a-f-]{36})"', page)
    assert found
    assert "agua da torneira" in await show(browser, found[1])
    refused = await send(browser, "tabela.xlsx", b"x")
    assert (refused.status_code, "não pode ser importado" in refused.json()["error"]) == (422, True)
    inside = await browser.submit(f"{PAGE}/imports/page", {"url": "no address"}, page=f"{PAGE}/imports")
    assert (inside.status_code, "não é de uma página" in inside.text) == (422, True)
    assert (await send(browser, "a.pdf", b"x" * (FILE_BYTES_LIMIT + 1))).status_code == 413


async def test_an_import_that_waits_is_cancelled(enter: Enter, known: Knowledge, pool: Pool) -> None:
    browser = await enter(Role.MANAGER)
    one = (await send(browser, "a.pdf", CARE)).json()["id"]
    assert (await browser.submit(f"{PAGE}/imports/{one}/cancel", page=f"{PAGE}/imports")).status_code == 303
    assert "cancelado" in await show(browser, f"{PAGE}/imports")
    assert not await known.worker.read_next()
    assert [action for action, _ in await done(pool)] == ["knowledge_imported", "knowledge_import_cancelled"]
