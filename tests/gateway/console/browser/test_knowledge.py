"""Knowledge in a browser, as a shop manager keeps it: write, try, publish, change, take back; and questions in vain."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from graph.knowledge import tables
from graph.knowledge.console.routes import ROUTES as CONSOLE
from graph.knowledge.routes import ROUTES
from graph.server.server import make_app
from graph.settings import Settings, settings
from simulator.ports import HOST, free_port
from simulator.stack.process import Process
from simulator.stack.supervise import answers
from tests.databases import Databases
from tests.gateway.console.browser.test_accessibility import check
from tests.gateway.console.browser.test_tools import pictures
from tests.gateway.console.conftest import HASH
from tests.gateway.console.knowledge.conftest import TOKEN, WELL, database_template
from tests.gateway.console.knowledge.test_pages import CARE
from tests.gateway.support.serving import served
from tests.graph.knowledge.conftest import SmallModel, loaded_model, model

__all__ = ["database_template", "loaded_model", "model", "pictures"]


@pytest.fixture
def agent_url(monkeypatch: pytest.MonkeyPatch, database: str, model: SmallModel) -> Iterator[str]:
    """The address of an agent server's own routes, in a thread: the browser's tests have no event loop."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in (("DATABASE_URL", database), ("KNOWLEDGE_TOKEN", TOKEN)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tables, "embeddings", lambda: model)
    settings.cache_clear()
    tables.knowledge.cache_clear()
    addresses: SimpleQueue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def serve() -> None:
        ended = asyncio.Event()
        async with served(make_app([*ROUTES, *CONSOLE, WELL], settings(), development=False)) as url:
            addresses.put((url, asyncio.get_running_loop(), ended))
            reading = asyncio.create_task(tables.knowledge().worker.run())
            await ended.wait()
            reading.cancel()
        await tables.knowledge().close()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    url, loop, ended = addresses.get(timeout=10)
    yield url
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    tables.knowledge.cache_clear()
    settings.cache_clear()


@pytest.fixture
def database(databases: Databases, database_template: str) -> Iterator[str]:
    """The URL of a database with the knowledge's tables; the shared console's has none."""
    with databases.one(database_template) as url:
        yield url


@pytest.fixture
def console_url(database: str, agent_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a console with a manager, which may ask the agent server for the knowledge."""
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO person (login, name, role, password_hash) VALUES ('bia', 'Beatriz Nogueira', 'manager', %s)",
            [HASH],
        )
    port, ops = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "MEDIA_URL": f"file://{tmp_path}/files",
        "DATABASE_URL": f"{database}?options=-c%20role%3Dwa_console", "CONSOLE_PORT": str(port),
        "CONSOLE_OPS_PORT": str(ops), "KNOWLEDGE_TOKEN": TOKEN, "LANGGRAPH_URL": agent_url,
    }  # fmt: skip
    command = [sys.executable, "-m", "gateway.cli", "console"]
    with Process("console", command, tmp_path / "console.log", environment, ready=answers(ops, "/readyz")) as process:
        yield f"http://{HOST}:{port}/console"
        assert process.alive, process.log_tail()


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Pergunta do cliente").fill(question)
    page.get_by_role("button", name="Perguntar", exact=True).click()
    page.get_by_role("heading", name="Trechos encontrados").wait_for()


def answer_field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Resposta", exact=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_manager_writes_tries_publishes_changes_and_takes_back(
    new_page: Callable[..., Page], enter: Callable[..., Page], pictures: Callable[..., None], console_url: str
) -> None:
    page = enter(new_page(color_scheme="light"), "bia")
    page.get_by_role("link", name="Conhecimento").click()
    page.get_by_role("link", name="Nova pergunta").click()
    page.get_by_label("Pergunta", exact=True).fill("Quais formas de pagamento vocês aceitam?")
    page.get_by_label("Outras formas de perguntar, uma por linha").fill("aceita pix?\ndá pra pagar no boleto")
    answer_field(page).fill("Aceitamos Pix, boleto e cartões em até 10 vezes sem juros.")
    pictures(page, "knowledge-edit")
    check(page)
    press(page, "Salvar rascunho")
    page.get_by_role("link", name="Testar o rascunho").click()
    ask(page, "vcs aceitam pix")
    expect(page.locator(".passages li")).to_contain_text("o agente recebe")
    pictures(page, "knowledge-try")
    check(page)
    page.locator(".passages a").click()
    press(page, "Publicar")
    expect(page.locator(".tags")).to_contain_text("No ar: versão 1")
    page.get_by_role("link", name="Editar").click()
    answer_field(page).fill("Aceitamos só Pix.")
    press(page, "Salvar rascunho")
    expect(page.locator("details.card")).to_contain_text("O que está no ar (versão 1)")
    pictures(page, "knowledge-text")
    check(page)
    press(page, "Publicar")
    expect(page.locator(".tags")).to_contain_text("No ar: versão 2")
    press(page, "Tirar do ar")
    expect(page.get_by_role("dialog")).to_contain_text("já na próxima resposta")
    pictures(page, "knowledge-dialog")
    check(page)
    page.get_by_role("dialog").get_by_role("button", name="Tirar do ar").click()
    expect(page.locator(".tags").first).to_contain_text("Fora do ar")
    page.goto(f"{console_url}/knowledge/new?kind=markdown")
    page.get_by_label("Título").fill("Trocas")
    page.get_by_label("Trazer de um arquivo .md ou .txt").set_input_files(
        {"name": "trocas.md", "mimeType": "text/markdown", "buffer": "# Prazo\n\nVocê troca em até 7 dias.".encode()}
    )
    expect(page.locator("textarea[name=content]")).to_have_value("# Prazo\n\nVocê troca em até 7 dias.")
    press(page, "Salvar rascunho")
    page.goto(f"{console_url}/knowledge/imports")
    page.locator("[data-imports]").set_input_files(
        {"name": "Cuidados.pdf", "mimeType": "application/pdf", "buffer": CARE}
    )
    expect(page.locator("#imports li")).to_contain_text("pronto")
    pictures(page, "knowledge-imports")
    check(page)
    page.goto(f"{console_url}/knowledge")
    expect(page.locator(".lines li")).to_have_count(3)
    pictures(page, "knowledge-list")
    check(page)


def test_a_bad_answer_becomes_a_question_that_waits_for_an_answer(
    new_page: Callable[..., Page], enter: Callable[..., Page], pictures: Callable[..., None], console_url: str,
    desk, database: str,
) -> None:  # fmt: skip
    carla = desk.conversation("Carla Menezes", "5511987654321")
    question = desk.said(carla, "Tem estacionamento aí?", minutes=9)
    answer = desk.replied(carla, {"type": "text", "text": "Sim, com manobrista."}, minutes=8)
    desk.worked(answer, {"tool": "search_knowledge", "arguments": "", "result": ""})
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE turn SET started_at = now() - interval '9 minutes'")
        conn.execute("UPDATE message SET turn_id = (SELECT id FROM turn) WHERE id = %s", [question])
    page = enter(new_page(color_scheme="light"), "bia")
    page.goto(f"{console_url}/conversations/{carla}")
    bad = page.get_by_role("button", name="Resposta ruim")
    bad.click()
    page.get_by_label("O que está errado (opcional)").fill("Não temos manobrista.")
    check(page)
    page.get_by_role("dialog").get_by_role("button", name="Salvar").click()
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".marks")).to_contain_text("Beatriz Nogueira: Não temos manobrista.")
    pictures(page, "knowledge-mark")
    check(page)
    desk.replied(carla, {"type": "text", "text": "Não temos estacionamento, mas há um ao lado."}, author="person")
    page.goto(f"{console_url}/knowledge/unanswered")
    expect(page.locator(".question")).to_contain_text("Não temos estacionamento")
    pictures(page, "knowledge-unanswered")
    check(page)
    press(page, "Fazer rascunho com esta resposta")
    expect(answer_field(page)).to_have_value("Não temos estacionamento, mas há um ao lado.")
