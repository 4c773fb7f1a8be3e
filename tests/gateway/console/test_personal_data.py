"""Exports and erasures from the console: for admins alone, asked twice, in the audit."""

from typing import Any

from obstore.store import LocalStore
from psycopg.types.json import Jsonb

from gateway.console.admin.missed import PLACES
from gateway.customers.erasure import audited
from gateway.store.customers import data_requests
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML, person

NUMBER = "5511987654321"


async def test_an_erasure_is_asked_twice_and_wants_the_number_typed(signed_in, desk, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    conversation = desk.conversation("Maria", NUMBER)
    async with pool.connection() as conn:
        [(contact,)] = await (await conn.execute("SELECT contact_id FROM conversation")).fetchall()
    page = f"/console/customers/{contact}/data"
    pane = (await browser.get(f"/console/conversations/{conversation}", headers=HTML)).text
    assert f'href="{page}"' in pane
    first = (await browser.get(page, headers=HTML)).text
    assert 'name="typed"' not in first
    assert 'name="typed"' in (await browser.get(f"{page}?erase=1", headers=HTML)).text
    wrong = await browser.submit(f"{page}/erase", {"typed": "Maria"}, page=page)
    assert (wrong.status_code, "Nada foi apagado" in wrong.text) == (422, True)
    right = await browser.submit(f"{page}/erase", {"typed": f" {NUMBER} "}, page=page)
    assert right.status_code == 303
    async with pool.connection() as conn:
        asked = await (await conn.execute("SELECT kind, state, contact_id, asked_by FROM data_request")).fetchall()
        did = await (await conn.execute("SELECT action, subject FROM audit WHERE action LIKE 'customer%'")).fetchall()
    assert asked == [("erase", "waiting", contact, "person")]
    assert did == [("customer_erase", f"contact:{contact}")]
    assert "Em andamento" in (await browser.get(page, headers=HTML)).text
    assert "Em andamento" in (await browser.get("/console/data-requests", headers=HTML)).text


async def test_an_export_is_downloaded_by_admins_and_audited(open_console, desk, pool, tmp_path) -> None:
    await person(pool, "admin", Role.ADMIN)
    store = LocalStore(tmp_path / "m", mkdir=True)
    browser = await open_console(media_url=(tmp_path / "m").as_uri())
    await browser.sign_in("admin")
    desk.conversation("Maria", NUMBER)
    async with pool.connection() as conn:
        [(contact,)] = await (await conn.execute("SELECT contact_id FROM conversation")).fetchall()
    page = f"/console/customers/{contact}/data"
    assert (await browser.submit(f"{page}/export", page=page)).status_code == 303
    store.put("exports/x.zip", b"zip")
    async with pool.connection() as conn:
        [(request,)] = await (
            await conn.execute("UPDATE data_request SET state = 'done', path = 'exports/x.zip' RETURNING id")
        ).fetchall()
    file = f"/console/data-requests/{request}/file"
    assert file in (await browser.get(page, headers=HTML)).text
    answer = await browser.get(file)
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"zip", "no-store")
    async with pool.connection() as conn:
        did = await (
            await conn.execute("SELECT action FROM audit WHERE action LIKE 'customer%' ORDER BY id")
        ).fetchall()
    assert did == [("customer_export",), ("customer_downloaded",)]


async def test_what_was_not_reached_is_said_in_portuguese_on_the_page_and_in_the_audit(signed_in, desk, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    desk.conversation("Maria", NUMBER)
    why = "the operators' words"
    report: dict[str, Any] = {
        "not_reached": {**dict.fromkeys(PLACES, why), "files/foto.jpg": why},
        "left": dict.fromkeys(PLACES, why),
    }
    async with pool.connection() as conn:
        [(contact,)] = await (await conn.execute("SELECT contact_id FROM conversation")).fetchall()
        waiting = await data_requests.ask(conn, "erase", contact, "person")
        await conn.execute("UPDATE data_request SET step = 'memory', error = %s", (why,))
        await data_requests.ask(conn, "export", contact, "person")
        await conn.execute(
            "UPDATE data_request SET state = 'unfinished', report = %s WHERE kind = 'export'", (Jsonb(report),)
        )
        waiting.report = report
        await audited(conn, waiting)
    page = (await browser.get(f"/console/customers/{contact}/data", headers=HTML)).text
    log = (await browser.get("/console/audit", headers=HTML)).text
    for told in (page, log):
        assert "operators" not in told
        assert "A memória do assistente" in told
    assert "A memória do assistente: ainda não respondeu" in page
    assert "Arquivo files/foto.jpg" in page
    assert "a API da empresa não oferece isto" in page


async def test_a_customers_request_waits_for_an_admin_who_refuses_it_with_a_reason(signed_in, desk, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    conversation = desk.conversation("Maria", NUMBER)
    request = await asked_by_the_customer(pool)
    assert "1 pedido espera uma decisão" in (await browser.get("/console/audit", headers=HTML)).text
    page, reason = "/console/data-requests", "Ainda há um pedido a caminho: assim que chegar, apagamos tudo."
    assert "falta a sua decisão" in (await browser.get(page, headers=HTML)).text
    without = await browser.submit(f"{page}/{request}/refuse", {"reason": " "}, page=page)
    assert (without.status_code, "Escreva o motivo" in without.text) == (422, True)
    assert (await browser.submit(f"{page}/{request}/refuse", {"reason": reason}, page=page)).status_code == 303
    again = await browser.submit(f"{page}/{request}/refuse", {"reason": reason}, page="/console/audit")
    assert again.status_code == 303
    async with pool.connection() as conn:
        assert await (await conn.execute("SELECT state FROM data_request")).fetchall() == [("refused",)]
        did = await (await conn.execute("SELECT action, detail FROM audit WHERE action LIKE 'customer%'")).fetchall()
        told = await (
            await conn.execute(
                """SELECT author, status, content->>'text', conversation_id::text FROM message
                   WHERE direction = 'out' AND author = 'person'"""
            )
        ).fetchall()
    assert did == [("customer_refused", {"request": str(request)})]  # without the reason, which may name things
    assert told == [("person", "queued", reason, str(conversation))]
    assert "Nenhum pedido está aberto" in (await browser.get(page, headers=HTML)).text


async def test_an_admin_approves_what_a_customer_asked_for(signed_in, desk, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    desk.conversation("Maria", NUMBER)
    request = await asked_by_the_customer(pool)
    async with pool.connection() as conn:
        [(contact,)] = await (await conn.execute("SELECT contact_id FROM conversation")).fetchall()
    page = f"/console/customers/{contact}/data?erase=1"
    assert page in (await browser.get("/console/data-requests", headers=HTML)).text
    async with pool.connection() as conn:
        await conn.execute("UPDATE contact_key SET doubt = 'unverified'")
    assert "pode ter mudado de dono" in (await browser.get(page, headers=HTML)).text
    answer = await browser.submit(f"/console/customers/{contact}/data/erase", {"typed": NUMBER}, page=page)
    assert answer.status_code == 303
    async with pool.connection() as conn:
        found = await (await conn.execute("SELECT id, state, asked_by FROM data_request")).fetchall()
        did = await (await conn.execute("SELECT action, detail FROM audit WHERE action LIKE 'customer%'")).fetchall()
    assert found == [(request, "waiting", "customer")]  # so that the customer is told
    assert did == [("customer_erase", {"request": str(request)})]


async def asked_by_the_customer(pool):
    """Ask for the erasure as the only customer; return the request's id."""
    async with pool.connection() as conn:
        await conn.execute("UPDATE conversation SET last_inbound_at = now()")
        await conn.execute(
            """INSERT INTO data_request (kind, state, contact_id, asked_by)
               SELECT 'erase', 'asked', contact_id, 'customer' FROM conversation"""
        )
        return (await (await conn.execute("SELECT id FROM data_request")).fetchall())[0][0]


async def test_nobody_below_an_admin_sees_these_pages(signed_in, desk, pool) -> None:
    browser = await signed_in(Role.MANAGER)
    conversation = desk.conversation("Maria", NUMBER)
    async with pool.connection() as conn:
        [(contact,)] = await (await conn.execute("SELECT contact_id FROM conversation")).fetchall()
    for path in (f"/console/customers/{contact}/data", "/console/data-requests"):
        assert (await browser.get(path, headers=HTML)).status_code == 403
    pane = (await browser.get(f"/console/conversations/{conversation}", headers=HTML)).text
    assert f"/console/customers/{contact}" not in pane
