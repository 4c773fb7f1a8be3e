"""The console as a process of its own, and a real browser on it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page

from simulator.ports import HOST, free_port
from simulator.stack.process import Process
from simulator.stack.supervise import answers
from tests.gateway.console.conftest import HASH, PASSWORD
from tests.simulator.phone.conftest import browser, new_page, screenshot

__all__ = ["browser", "new_page", "screenshot"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def console_settings() -> dict[str, str]:
    """Further settings of the console, for test modules to replace."""
    return {}


@pytest.fixture
def console_url(database: str, tmp_path: Path, console_settings: dict[str, str]) -> Iterator[str]:
    """The address of a console with an admin, a manager and an attendant."""
    with psycopg.connect(database, autocommit=True) as conn:
        for login, name, role in (
            ("rosa", "Rosa Fonseca", "admin"), ("bia", "Beatriz Nogueira", "manager"), ("ana", "Ana Lima", "attendant")
        ):  # fmt: skip
            conn.execute(
                "INSERT INTO person (login, name, role, password_hash) VALUES (%s, %s, %s, %s)",
                (login, name, role, HASH),
            )
    port, ops = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "DATABASE_URL": database,
        "MEDIA_URL": f"file://{tmp_path}/media",
        "CONSOLE_PORT": str(port), "CONSOLE_OPS_PORT": str(ops), **console_settings,
    }  # fmt: skip
    command = [sys.executable, "-m", "gateway.cli", "console"]
    with Process("console", command, tmp_path / "console.log", environment, ready=answers(ops, "/readyz")) as process:
        yield f"http://{HOST}:{port}/console"
        assert process.alive, process.log_tail()


@pytest.fixture
def enter(console_url: str) -> Callable[[Page, str], Page]:
    """`enter(page, "ana")`: sign in by password."""

    def entered(page: Page, login: str) -> Page:
        page.goto(f"{console_url}/")
        page.get_by_role("textbox", name="Usuário").fill(login)
        page.get_by_label("Senha").fill(PASSWORD)
        page.get_by_role("button", name="Entrar", exact=True).click()
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state()  # its scripts answer to keys from then on
        return page

    return entered
