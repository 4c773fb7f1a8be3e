"""A real browser on the phone page; a business to talk to; screenshots."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.simulator.phone.screen import MARIA, Meta, Screen

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",
]
# The browser's own message about a request that fails on purpose.
EXPECTED = ("net::ERR_FAILED", "422 (Unprocessable", "409 (Conflict", "415 (Unsupported", "503 (Service Unavailable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module, not of the session: while Playwright's loop runs, no asynchronous test can."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: install Debian's package, or set CHROMIUM to the path of one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser) -> Iterator[Callable[..., Page]]:
    """`new_page(**options)`: a page in a context of its own. The page may have no error and call no other server."""
    problems: list[str] = []
    contexts = []

    def complain(text: str) -> None:
        if not any(word in text for word in EXPECTED):
            problems.append(text)

    def create(**options: object) -> Page:
        defaults = {"viewport": {"width": 1280, "height": 800}, "permissions": ["microphone", "clipboard-write"]}
        context = browser.new_context(locale="pt-BR", timezone_id="America/Sao_Paulo", **defaults | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: said.type in {"error", "warning"} and complain(said.text))
        page.on("pageerror", lambda error: complain(str(error)))
        return page

    yield create
    for context in contexts:
        context.close()
    assert problems == [], "the page complained"


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """`screenshot(page, "name")`: save a picture for people."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")

    return take


@pytest.fixture
def screen(new_page, simulator, business) -> Screen:
    """The page on a laptop, with Maria's phone open."""
    screen = Screen(new_page(), simulator.url)
    screen.open()
    screen.phone("Maria Souza").wait_for()
    return screen


@pytest.fixture
def meta(cloud) -> Meta:
    """The business's way to write to people."""
    return Meta(cloud, MARIA)
