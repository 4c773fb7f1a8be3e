"""Canned replies: the page, and what the composer inserts."""

from gateway.console.admin.canned import filled
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML

PAGE = "/console/canned"


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
        assert (await add(browser, **wrong)).status_code == 422
    async with pool.connection() as conn:
        rows = await (await conn.execute("SELECT shortcut FROM canned_reply")).fetchall()
    assert rows == [("entrega",)]


def test_variables_without_a_value_stay_to_be_filled_in() -> None:
    assert (
        filled("{Nome} {pedido} {x} {{nome}", {"nome": "{pedido}", "pedido": ""}) == "{pedido} {pedido} {x} {{pedido}"
    )
