"""People and the audit: on their pages, on the command line, in the database."""

import re

import psycopg
import pytest

from gateway.store.desk import tags
from gateway.store.people import audit, people
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML, PASSWORD, person

PEOPLE = "/console/people"
NASTY = "<script>alert(1)</script>\"'&"


async def one(pool, login: str) -> people.Person:
    async with pool.connection() as conn:
        found = await people.by_login(conn, login)
    assert found
    return found


async def test_a_manager_adds_a_person_who_then_enters(signed_in, pool) -> None:
    browser = await signed_in(Role.MANAGER)
    form = {"login": "Ana@Loja.com.br", "name": "Ana  Lima", "role": "attendant", "departments": "vendas, pedidos"}
    answer = await browser.submit(PEOPLE, form | {"masks_numbers": "1", "password": "1"})
    assert answer.status_code == 200
    password = re.search(r'<code class="secret">([\w-]+)</code>', answer.text)
    assert password
    ana = await one(pool, "ana@loja.com.br")
    assert (ana.name, ana.role, ana.departments, ana.masks_numbers) == (
        "Ana Lima", Role.ATTENDANT, ["vendas", "pedidos"], True
    )  # fmt: skip
    assert ana.sees("vendas")
    assert ana.sees(None)
    assert not ana.sees("suporte")
    again = await browser.submit(PEOPLE, form | {"role": "viewer", "masks_numbers": "1"})
    assert again.status_code == 409
    for typed in ('value="Ana@Loja.com.br"', '"viewer" selected', 'numbers" value="1" checked', 'vendas, pedidos"'):
        assert typed in again.text  # what was typed stays
    browser.cookies.clear()
    assert (await browser.sign_in("ana@loja.com.br", password[1])).status_code == 303
    assert (await browser.get("/console/", headers=HTML)).headers["location"] == "/console/account/password"


async def test_nobody_goes_beyond_their_own_role(signed_in, pool) -> None:
    browser = await signed_in(Role.MANAGER)
    rosa = await person(pool, "rosa", Role.ADMIN)
    assert (await browser.submit(PEOPLE, {"login": "x", "name": "X", "role": "admin"})).status_code == 422
    for path in ("", "/password", "/disable", "/enable"):
        form = {"name": "Rosa", "role": "viewer"}
        assert (await browser.submit(f"{PEOPLE}/{rosa.id}{path}", form)).status_code == 403
    me = await one(pool, "manager")
    assert (await browser.submit(f"{PEOPLE}/{me.id}", {"name": "Me", "role": "manager"})).status_code == 403
    assert (await one(pool, "rosa")).role is Role.ADMIN


async def test_a_change_counts_at_once(signed_in, open_console, pool) -> None:
    browser = await signed_in(Role.MANAGER)
    ana = await person(pool, "ana", Role.MANAGER)
    hers = await open_console()
    await hers.sign_in("ana")
    assert (await hers.get(PEOPLE, headers=HTML)).status_code == 200
    await browser.submit(f"{PEOPLE}/{ana.id}", {"name": "Ana", "role": "viewer"})
    assert (await hers.get(PEOPLE, headers=HTML)).status_code == 403
    await browser.submit(f"{PEOPLE}/{ana.id}/disable")
    assert (await hers.get("/console/account", headers=HTML)).status_code == 302
    assert (await hers.sign_in("ana")).status_code == 401
    await browser.submit(f"{PEOPLE}/{ana.id}/enable")
    assert (await hers.sign_in("ana")).status_code == 303


async def test_html_in_names_is_text(signed_in, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    await person(pool, "ana", Role.ATTENDANT, name=NASTY, departments=[NASTY])
    ana = await one(pool, "ana")
    async with pool.connection() as conn:
        await audit.write(conn, ana, NASTY, NASTY, {NASTY: NASTY, "list": [NASTY]})
    paths = (PEOPLE, f"{PEOPLE}/{ana.id}", "/console/audit", f"/console/audit?subject={NASTY}&action={NASTY}")
    for path in paths:
        page = (await browser.get(path, headers=HTML)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
    browser.cookies.clear()
    page = await browser.sign_in(NASTY, "x", data={"next": NASTY})
    assert "<script>alert" not in page.text


async def test_the_audit_is_paged_and_filtered(signed_in, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    ana = await person(pool, "ana", Role.ATTENDANT)
    async with pool.connection() as conn:
        for number in range(60):
            await audit.write(conn, ana, "taken", f"conversation:{number}")
    page = (await browser.get("/console/audit?action=taken", headers=HTML)).text
    assert ">Conversa 59<" in page
    assert ">Conversa 9<" not in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    page = (await browser.get(older[1].replace("&amp;", "&"), headers=HTML)).text
    assert ">Conversa 9<" in page
    assert ">Conversa 59<" not in page
    assert 'rel="next"' not in page
    page = (await browser.get("/console/audit?subject=conversation:7&before=x&person=y", headers=HTML)).text
    assert ">Conversa 7<" in page
    assert ">Conversa 8<" not in page


async def test_the_audit_names_people_tags_and_details_in_the_persons_language(signed_in, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    ana = await person(pool, "ana", Role.ATTENDANT, name="Ana Lima")
    async with pool.connection() as conn:
        tag = await tags.create(conn, "VIP")
        await audit.write(conn, ana, "assigned", "conversation:7", {"from": str(ana.id), "to": "nobody"})
        await audit.write(conn, ana, "snoozed", "conversation:7", {"until": "2026-03-01T15:00:00+00:00"})
        await audit.write(conn, ana, "snoozed", "conversation:7", {"until": "a reply"})
        await audit.write(conn, ana, "tagged", "conversation:7", {"tag": str(tag)})
        await audit.write(conn, ana, "person_changed", f"person:{ana.id}", {"role": "viewer", "masks_numbers": True})
        await audit.write(conn, None, "customer_export", "contact:7", {"counts": {"messages": 3, "files": 1}})
        await audit.write(conn, ana, "of a later release", "thing:7", {"colour": "blue", "role": "pilot"})
    page = (await browser.get("/console/audit", headers=HTML)).text
    for words in (
        "para: ninguém; de: Ana Lima", "até: 01/03/2026 12:00", "até: até o cliente responder", "etiqueta: VIP",
        "perfil: Consulta; números escondidos: sim", "perfil: pilot; colour: blue", "Conversa 7", "thing 7",
        "files 1, messages 3", f'<a href="/console/people/{ana.id}">Ana Lima</a>',
    ):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET person_name = 'x'", "DELETE FROM audit", "TRUNCATE audit", "TRUNCATE audit CASCADE"]
)
async def test_the_audit_cannot_be_changed(pool, statement) -> None:
    async with pool.connection() as conn:
        await audit.write(conn, None, "x", "person:x")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            await conn.execute(statement)
        assert await audit.purge(conn, 1, 10) == 0
        assert await audit.purge(conn, 0, 10) == 1
        assert await audit.page(conn, 10) == []


async def test_the_command_line_makes_the_first_person(command, database, browser) -> None:
    code, said = await command("users", "add", "Rosa", "--role", "admin", DATABASE_URL=database)
    assert code == 0, said
    made = said.rsplit(": ", 1)[1].strip()
    assert (await browser.sign_in("rosa", made)).status_code == 303
    assert (await command("users", "add", "rosa", "--role", "admin", DATABASE_URL=database))[0] == 1
    assert (await command("users", "add", "um dois", "--role", "admin", DATABASE_URL=database))[0] == 1
    assert (await command("users", "role", "rosa", "viewer", DATABASE_URL=database))[0] == 0
    assert "rosa  viewer  rosa" in (await command("users", "list", DATABASE_URL=database))[1]
    assert (await command("users", "disable", "rosa", DATABASE_URL=database))[0] == 0
    assert "disabled" in (await command("users", "list", DATABASE_URL=database))[1]
    assert (await browser.get("/console/account", headers=HTML)).headers["location"].startswith("/console/login")
    await command("users", "enable", "rosa", DATABASE_URL=database)
    code, said = await command("users", "password", "rosa", DATABASE_URL=database)
    assert (await browser.sign_in("rosa", said.rsplit(": ", 1)[1].strip())).status_code == 303
    assert (await command("users", "disable", "nobody", DATABASE_URL=database))[0] == 1


async def test_the_last_administrator_stays(signed_in, pool) -> None:
    browser = await signed_in(Role.ADMIN)
    rosa = await person(pool, "rosa", Role.ADMIN)
    assert (await browser.submit(f"{PEOPLE}/{rosa.id}/disable")).status_code == 303
    async with pool.connection() as conn:
        me = await one(pool, "admin")
        assert await people.other_admins(conn, me.id) == 0


async def test_language_and_theme_are_the_persons_else_the_browsers(browser, ana) -> None:
    for accept, language in (
        ("en-GB,en;q=0.9", "en"), ("fr, en;q=0.5", "en"), ("fr", "pt-BR"), ("pt-PT", "pt-BR"), ("", "pt-BR"),
        (";;q=,en;q=x", "pt-BR"),
    ):  # fmt: skip
        page = await browser.get("/console/login", headers=HTML | {"accept-language": accept})
        assert f'<html lang="{language}">' in page.text
    await browser.sign_in("ana", PASSWORD)
    await browser.submit("/console/account/look", {"language": "en", "theme": "dark"})
    page = await browser.get("/console/account", headers=HTML | {"accept-language": "pt-BR"})
    assert '<html lang="en" data-theme="dark">' in page.text
