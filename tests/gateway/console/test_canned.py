"""Canned replies: the page, and what the composer inserts."""

from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.console.admin.canned import filled
from gateway.housekeeping import Ages, Housekeeping
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime.object_store import open_store
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HOST, HTML, Browser, person
from tests.gateway.support.harness import Gateway

PAGE = "/console/canned"
PDF = b"%PDF-1.7 tabela"
EVIL = '<img src=x onerror="alert(1)">.pdf'


async def add(browser, **more):
    reply = {"shortcut": "prazo", "title": "Prazo", "text": "Chega em {dias} dias, {nome}."}
    return await browser.submit(PAGE, reply | more, page=PAGE)


async def test_managers_write_for_all_and_everybody_for_themselves(signed_in, database, desk) -> None:
    conversation = desk.conversation("Carla <b>Menezes</b>", "5511987654321")
    desk.waits(conversation, "Pediu uma pessoa", "Quer trocar o grau do pedido 12345.")
    browser = await signed_in(Role.MANAGER, name="Bia Nogueira")
    assert (await add(browser, shared="1")).status_code == 303
    evil = "<script>alert(1)</script> {nome}, pedido {pedido}: {atendente}"
    assert (await add(browser, shortcut="/Oi", title="<i>Oi</i>", text=evil)).status_code == 303
    page = (await browser.get(PAGE, headers=HTML)).text
    assert "<script>alert" not in page
    assert "<i>Oi" not in page
    told = (await browser.get(f"/console/conversations/{conversation}/canned")).json()
    assert [(one["shortcut"], one["text"]) for one in told["replies"]] == [
        ("oi", "<script>alert(1)</script> Carla, pedido 12345: Bia"), ("prazo", "Chega em {dias} dias, Carla."),
    ]  # fmt: skip
    browser = await signed_in(Role.ATTENDANT)
    assert (await add(browser, shared="1")).status_code == 403
    assert (await add(browser, text="Só meu")).status_code == 303
    told = (await browser.get(f"/console/conversations/{conversation}/canned")).json()
    assert [one["text"] for one in told["replies"]] == [
        "Só meu"
    ]  # hides the shared one; the manager's own is not there


async def test_nobody_changes_what_is_not_theirs(signed_in, pool) -> None:
    manager = await signed_in(Role.MANAGER)
    await add(manager, shared="1")
    await add(manager, shortcut="meu")
    async with pool.connection() as conn:
        rows = await (await conn.execute("SELECT shortcut, id FROM canned_reply")).fetchall()
    ids = dict(rows)
    attendant = await signed_in(Role.ATTENDANT)
    for shortcut, status in (("prazo", 403), ("meu", 404)):
        answer = await attendant.submit(f"{PAGE}/{ids[shortcut]}/delete", page=PAGE)
        assert answer.status_code == status
        assert (await add(attendant, id=str(ids[shortcut]), shortcut="novo")).status_code == status
    async with pool.connection() as conn:
        cursor = await conn.execute("SELECT shortcut FROM canned_reply ORDER BY 1")
        assert [row[0] for row in await cursor.fetchall()] == ["meu", "prazo"]


async def test_a_reply_that_is_edited_takes_its_new_shortcut_and_wrong_ones_are_refused(signed_in, pool) -> None:
    browser = await signed_in(Role.ATTENDANT)
    await add(browser)
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT id FROM canned_reply")).fetchone()
    assert "Chega em" in (await browser.get(PAGE, params={"id": str(row[0])}, headers=HTML)).text
    assert (await add(browser, id=str(row[0]), shortcut="entrega")).status_code == 303
    for wrong in ({"shortcut": "com espaço"}, {"title": " "}, {"text": ""}, {"text": "x" * 4001}):
        answer = await add(browser, **{"text": "Ainda aqui"} | wrong)
        assert answer.status_code == 422
        assert ("Ainda aqui" in answer.text) != ("text" in wrong)  # what was written stays
    async with pool.connection() as conn:
        rows = await (await conn.execute("SELECT shortcut FROM canned_reply")).fetchall()
    assert rows == [("entrega",)]


async def test_a_reply_does_not_take_the_place_of_another_one_by_its_shortcut(manager, pool) -> None:
    assert (await add(manager, shared="1", text="Em 3 dias.")).status_code == 303
    assert (await add(manager, text="Só meu")).status_code == 303  # an own one hides the shared one
    assert (await add(manager, shared="1", shortcut="outra")).status_code == 303
    async with pool.connection() as conn:
        other = await (await conn.execute("SELECT id::text FROM canned_reply WHERE shortcut = 'outra'")).fetchone()
    file = await upload(manager, name="tabela.pdf")
    for more in ({}, {"id": other[0]}):
        answer = await add(manager, shared="1", text="Em 5 dias.", file=file, **more)
        assert answer.status_code == 409
        assert "Já existe uma resposta com esse atalho" in answer.text
        for written in (">Em 5 dias.</textarea>", f'value="{file}"', "tabela.pdf"):
            assert written in answer.text
    async with pool.connection() as conn:
        cursor = await conn.execute("SELECT text FROM canned_reply WHERE shortcut = 'prazo' ORDER BY text")
        assert await cursor.fetchall() == [("Em 3 dias.",), ("Só meu",)]


async def upload(browser: Browser, content: bytes = PDF, name: str = EVIL) -> str:
    token = browser.token((await browser.get(PAGE, headers=HTML)).text)
    headers = {"origin": HOST, "x-csrf-token": token, "x-file-name": quote(name)}
    answer = await browser.post(f"{PAGE}/files", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["file"])


def stored(folder: Path) -> list[bytes]:
    return sorted(one.read_bytes() for one in folder.rglob("*") if one.is_file())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
async def manager(open_console, pool, folder) -> Browser:
    browser = await open_console(media_url=f"file://{folder}")
    await person(pool, "bia", Role.MANAGER)
    await browser.sign_in("bia")
    return browser


async def test_a_file_of_a_reply_is_inserted_as_a_copy(manager, desk, pool, folder) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    assert (await add(manager, shared="1", file=await upload(manager))).status_code == 303
    page = (await manager.get(PAGE, headers=HTML)).text
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
    base = f"/console/conversations/{conversation}"
    [told] = (await manager.get(f"{base}/canned")).json()["replies"]
    assert (told["file"]["name"], told["file"]["kind"]) == (EVIL, "document")
    shown = await manager.get(f"{PAGE}/files/{told['file']['id']}")
    assert (shown.content, shown.headers["content-type"]) == (PDF, "application/octet-stream")
    headers = {"origin": HOST, "x-csrf-token": manager.token((await manager.get(base, headers=HTML)).text)}
    copied = await manager.post(f"{base}/canned/{told['file']['id']}", json={}, headers=headers)
    assert copied.status_code == 200, copied.text
    assert stored(folder) == [PDF, PDF]
    async with pool.connection() as conn:
        cursor = await conn.execute("SELECT id::text, filename, mime_type, size FROM upload")
        assert await cursor.fetchall() == [(copied.json()["file"], EVIL, "application/pdf", len(PDF))]


async def test_a_file_that_no_reply_has_is_deleted(manager, pool, folder) -> None:
    keeper = Housekeeping(pool, Gateway(pool).sender, QuietPeriod(0, 0), Ages(), objects=open_store(f"file://{folder}"))
    first = await upload(manager, PDF + b"1")
    await add(manager, shared="1", file=first)
    await add(manager, shared="1", shortcut="outra", file=await upload(manager, PDF + b"2"))
    await upload(manager, PDF + b"3")  # not saved yet
    await keeper.clean()
    assert stored(folder) == [PDF + b"1", PDF + b"2", PDF + b"3"]
    async with pool.connection() as conn:
        rows = dict(await (await conn.execute("SELECT shortcut, id::text FROM canned_reply")).fetchall())
    # Kept under another shortcut, the reply takes its file along; one that is replaced or deleted loses it.
    assert (await add(manager, shared="1", id=rows["prazo"], shortcut="novo", file=first)).status_code == 303
    assert (await manager.submit(f"{PAGE}/{rows['outra']}/delete", page=PAGE)).status_code == 303
    await keeper.clean()
    assert stored(folder) == [PDF + b"1", PDF + b"3"]
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT id::text FROM canned_reply")).fetchone()
    new = {"shared": "1", "shortcut": "novo", "id": row[0]}
    assert (await add(manager, **new, file=await upload(manager, PDF + b"4"))).status_code == 303
    async with pool.connection() as conn:
        await conn.execute("UPDATE canned_file SET created_at = now() - interval '2 days'")
    await keeper.clean()
    assert stored(folder) == [PDF + b"4"]
    assert (await add(manager, **new, file=first)).status_code == 409
    assert (await add(manager, **new)).status_code == 303
    await keeper.clean()
    assert stored(folder) == []


async def test_a_file_is_for_those_who_may_use_its_reply(manager, desk, pool) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    own, shared, loose = [await upload(manager) for _ in range(3)]
    await add(manager, file=own)
    await add(manager, shared="1", shortcut="todos", file=shared)
    await person(pool, "ana", Role.ATTENDANT)
    manager.cookies.clear()
    await manager.sign_in("ana")
    page = f"/console/conversations/{conversation}"
    headers = {"origin": HOST, "x-csrf-token": manager.token((await manager.get(page, headers=HTML)).text)}
    for file, status in ((own, 404), (shared, 200), (loose, 404)):
        assert (await manager.get(f"{PAGE}/files/{file}")).status_code == status
        assert (await manager.post(f"{page}/canned/{file}", json={}, headers=headers)).status_code == status
        assert (await add(manager, shortcut="meu", file=file)).status_code == 409


def test_variables_without_a_value_stay_to_be_filled_in() -> None:
    assert (
        filled("{Nome} {pedido} {x} {{nome}", {"nome": "{pedido}", "pedido": ""}) == "{pedido} {pedido} {x} {{pedido}"
    )
