"""Writing to a customer: files, reactions, quotes, drafts, the closed window, and a message once more."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from gateway.store.people.people import Role
from tests.gateway.console.conftest import HOST, HTML, Browser, person
from tests.gateway.console.desk import CHANNEL, Desk

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
EVIL = '<img src=x onerror="alert(1)">.png'


class Writer:
    """An attendant who has taken a customer's conversation."""

    def __init__(self, browser: Browser, token: str, conversation: UUID, database: str) -> None:
        self.browser, self.token, self.conversation, self.database = browser, token, conversation, database
        self.base = f"/console/conversations/{conversation}"

    async def post(self, name: str, **body: Any) -> httpx.Response:
        headers = {"origin": HOST, "x-csrf-token": self.token}
        return await self.browser.post(f"{self.base}/{name}", json=body, headers=headers)

    async def attach(self, content: bytes, name: str = "foto.png") -> httpx.Response:
        headers = {"origin": HOST, "x-csrf-token": self.token, "x-file-name": quote(name)}
        return await self.browser.post(f"{self.base}/files", content=content, headers=headers)

    async def page(self) -> str:
        return (await self.browser.get(self.base, headers=HTML)).text

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as conn:
            return conn.execute(statement, values).fetchall()

    @property
    def newest(self) -> int:
        return self.sql("SELECT max(seq) FROM message WHERE direction = 'in'")[0][0]  # type: ignore[no-any-return]


@pytest.fixture
async def writer(database, open_console, pool, tmp_path) -> Writer:
    browser = await open_console(media_url=f"file://{tmp_path}/media")
    await person(pool, "ana", Role.ATTENDANT, name="Ana Lima")
    assert (await browser.sign_in("ana")).status_code == 303
    with Desk(database) as desk:
        conversation = desk.conversation("Carla", "5511987654321")
        desk.said(conversation, "Oi")
        desk.waits(conversation, "Pediu uma pessoa")
    page = (await browser.get(f"/console/conversations/{conversation}", headers=HTML)).text
    writer = Writer(browser, browser.token(page), conversation, database)
    version = writer.sql("SELECT version FROM conversation")[0][0]
    assert (await writer.post("take", version=version)).status_code == 200
    return writer


def by_sql(database: str) -> Callable[..., None]:
    def run(statement: str, *values: object) -> None:
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute(statement, values)

    return run


async def test_a_picture_with_words_is_one_message_and_can_be_looked_at(writer: Writer) -> None:
    attached = (await writer.attach(PNG, EVIL)).json()
    assert (attached["kind"], attached["size"]) == ("image", len(PNG))
    assert "&lt;img src=x" in await writer.page()  # it waits in the composer, also after a reload
    sent = await writer.post("send", text="Veja a lente", files=[attached["file"]], last_seen=writer.newest)
    assert sent.status_code == 200, sent.text
    [(content, path)] = writer.sql("SELECT m.content, d.path FROM message m JOIN media d ON d.message_id = m.id")
    assert content == {
        "type": "media", "kind": "image", "mime_type": "image/png", "caption": "Veja a lente", "filename": EVIL
    }  # fmt: skip
    assert path.endswith(attached["file"])
    page = await writer.page()
    assert f'src="/console/media/{attached["file"]}"' in page
    assert "<img src=x" not in page
    assert "Veja a lente" in page
    shown = await writer.browser.get(f"/console/media/{attached['file']}", headers={"range": "bytes=0-3"})
    assert (shown.status_code, shown.content, shown.headers["content-range"]) == (206, PNG[:4], f"bytes 0-3/{len(PNG)}")
    assert shown.headers["x-content-type-options"] == "nosniff"
    whole = await writer.browser.get(f"/console/media/{attached['file']}", headers={"range": "bytes=900-"})
    assert (whole.status_code, whole.content) == (200, PNG)
    writer.browser.cookies.clear()
    assert (await writer.browser.get(f"/console/media/{attached['file']}")).status_code in (302, 401)


@pytest.mark.parametrize(
    ("content", "name", "status", "sentence"),
    [
        (b"<html><script>alert(1)</script>", "foto.png", 415, "não entrega este tipo"),
        (b"MZ\x90\0", "nota.pdf", 415, "não entrega este tipo"),
        (b"\xff\xd8\xff" + bytes(5 * 1024 * 1024), "foto.jpg", 413, "aceita até 5 MB"),
        (b"", "nota.txt", 400, "vazio"),
    ],
)
async def test_a_file_that_whatsapp_would_refuse_is_refused_in_a_sentence(
    writer: Writer, content: bytes, name: str, status: int, sentence: str
) -> None:
    answer = await writer.attach(content, name)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text
    assert writer.sql("SELECT count(*) FROM upload") == [(0,)]


async def test_a_file_that_is_taken_away_again_is_deleted(writer: Writer) -> None:
    attached = (await writer.attach(b"%PDF-1.7", "nota.pdf")).json()
    assert attached["kind"] == "document"
    assert (await writer.post(f"files/{attached['file']}/drop")).status_code == 200
    refused = await writer.post("send", text="", files=[attached["file"]], last_seen=writer.newest)
    assert (refused.status_code, refused.json()["error"][:16]) == (409, "Um dos arquivos ")


async def test_a_reaction_and_a_quote_name_the_customers_message(writer: Writer) -> None:
    [(wamid,)] = writer.sql("SELECT wamid FROM message WHERE direction = 'in'")
    assert (await writer.post("react", message=wamid, emoji="👍")).status_code == 200
    assert (await writer.post("react", message="wamid.other", emoji="👍")).status_code == 404
    assert (await writer.post("send", text="Claro", reply_to=wamid, last_seen=writer.newest)).status_code == 200
    contents = [row[0] for row in writer.sql("SELECT content FROM message WHERE direction = 'out' ORDER BY seq")]
    assert contents[0] == {"type": "reaction", "message_id": wamid, "emoji": "👍"}
    assert contents[1]["reply_to"] == wamid
    page = await writer.page()
    assert "👍" in page
    assert 'class="quote">Oi<' in page


async def test_an_answer_waits_until_the_newest_message_was_seen_and_its_draft_lasts(writer: Writer) -> None:
    for mode, text in (("reply", "Rascunho de resposta"), ("note", "Rascunho de nota")):
        assert (await writer.post("draft", mode=mode, text=text)).status_code == 200
    seen = writer.newest
    with Desk(writer.database) as desk:
        desk.said(writer.conversation, "Espera!")
    refused = await writer.post("send", text="Pronto", last_seen=seen)
    assert refused.status_code == 409
    assert refused.json()["newer"] == writer.newest
    assert "Rascunho de resposta" in await writer.page()
    assert (await writer.post("send", text="Pronto", last_seen=refused.json()["newer"])).status_code == 200
    page = await writer.page()
    assert "Rascunho de resposta" not in page
    assert "Rascunho de nota" in page  # each mode has its own


async def test_drafts_are_each_persons_own(writer: Writer, pool) -> None:
    await writer.post("draft", mode="reply", text="Só meu")
    await person(pool, "rui", Role.ATTENDANT)
    writer.browser.cookies.clear()
    await writer.browser.sign_in("rui")
    assert "Só meu" not in await writer.page()


@pytest.mark.parametrize(("status", "code"), [("failed", 131026), ("failed", None), ("uncertain", None)])
async def test_once_more_is_a_new_message(writer: Writer, status: str, code: int | None) -> None:
    attached = (await writer.attach(PNG)).json()
    await writer.post("send", text="Veja", files=[attached["file"]], last_seen=writer.newest)
    by_sql(writer.database)("UPDATE message SET status = %s, error_code = %s WHERE direction = 'out'", status, code)
    page = await writer.page()
    assert "Tentar de novo" in page
    assert ("O cliente pode receber a mensagem duas vezes" in page) is (status == "uncertain")
    [(old,)] = writer.sql("SELECT id FROM message WHERE direction = 'out'")
    assert (await writer.post("retry", message=str(old), last_seen=writer.newest)).status_code == 200
    messages = writer.sql("SELECT id, status, content FROM message WHERE direction = 'out' ORDER BY seq")
    assert [row[1] for row in messages] == [status, "queued"]
    assert messages[0][2] == messages[1][2]
    [(first, again)] = [tuple(row[0] for row in writer.sql("SELECT path FROM media ORDER BY settled_at"))]
    assert first == again
    new = str(messages[1][0])
    assert (await writer.post("retry", message=new, last_seen=writer.newest)).status_code == 409  # it is on its way


async def test_after_24_hours_the_template_of_the_number_is_offered_and_nothing_else_sent(writer: Writer) -> None:
    by_sql(writer.database)("UPDATE conversation SET last_inbound_at = now() - interval '25 hours'")
    refused = await writer.post("send", text="Oi?", last_seen=writer.newest)
    assert (refused.status_code, "janela de 24 horas" in refused.json()["error"]) == (409, True)
    assert (await writer.post("template", last_seen=writer.newest)).status_code == 409
    template = {"type": "template", "name": "retomar", "language": "pt_BR", "components": []}
    by_sql(writer.database)(
        "INSERT INTO fallback_template (phone_number_id, template, text) VALUES (%s, %s, %s)",
        CHANNEL, Jsonb(template), "Olá! Podemos continuar? <b>",
    )  # fmt: skip
    page = await writer.page()
    assert "Olá! Podemos continuar? &lt;b&gt;" in page
    assert "Enviar modelo" in page
    assert (await writer.post("template", last_seen=writer.newest)).status_code == 200
    [(author, content)] = writer.sql("SELECT author, content FROM message WHERE direction = 'out'")
    assert (author, content) == ("person", {**template, "text": "Olá! Podemos continuar? <b>"})


async def test_handing_back_quietly_and_confirming_a_number_work_with_the_rights_of_the_console(writer: Writer) -> None:
    by_sql(writer.database)("UPDATE contact_key SET doubt = 'unverified'")
    assert "Confirmar" in await writer.page()
    assert (await writer.post("confirm-number")).status_code == 200
    assert writer.sql("SELECT doubt FROM contact_key") == [(None,)]
    version = writer.sql("SELECT version FROM conversation")[0][0]
    answer = await writer.post("hand-back", version=version, quiet=True)
    assert (answer.status_code, answer.json()["state"]) == (200, "open")
