"""The console through its Service: people sign in there, and the webhook's address has none of its pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.cluster.kube import Forward
from tests.cluster.release import NAME, Release

FILES = """
import os
for folder in ("/run/whatsapp-agent", "/run/whatsapp-agent/secrets"):
    print(*(name for name in os.listdir(folder) if not name.startswith("..")))
"""
Open = Callable[[str, int], httpx.Client]


@pytest.fixture
def opened(release: Release) -> Iterator[Open]:
    """`opened(component, port)`: a browser at a component's Service, by port-forward as in the chart's notes."""
    with ExitStack() as stack:

        def through(component: str, port: int) -> httpx.Client:
            forward = stack.enter_context(Forward(release.kube, f"service/{NAME}-{component}", port))
            address = f"http://127.0.0.1:{forward.port}"
            return stack.enter_context(httpx.Client(base_url=address, trust_env=False, timeout=30))

        yield through


def test_the_first_person_signs_in_at_the_console_and_nobody_at_the_webhooks_address(
    release: Release, opened: Open
) -> None:
    console, webhook = opened("console", 8002), opened("gateway", 8000)
    add = ("gateway", "users", "add", "rosa@example.com", "--role", "admin", "--ensure")
    said = release.kube("exec", f"deployment/{NAME}-console", "--", *add)
    password = re.search(r"^password, shown only now: (\S+)$", said, re.MULTILINE)
    assert password, "no password was printed"
    page = console.get("/console/login")
    assert page.status_code == 200
    csrf = re.search(r'<meta name="csrf" content="(\w+)">', page.text)
    assert csrf
    form = {"csrf": csrf[1], "login": "rosa@example.com", "password": password[1]}
    origin = str(console.base_url).rstrip("/")
    assert console.post("/console/login", data=form, headers={"origin": origin}).status_code == 303
    first = console.get("/console/account", headers={"accept": "text/html"})
    assert first.headers["location"] == "/console/account/password"
    assert console.get("/console/account/password").status_code == 200
    for path in ("/console/login", "/console/account", "/console", "/"):
        assert webhook.get(path).status_code == 404, path


def test_the_console_holds_no_secret_of_meta_and_no_token(release: Release) -> None:
    [pod, *_] = release.kube.ready_pods("console")
    folders, files = release.kube.python(pod, FILES).splitlines()
    assert folders.split() == ["secrets"]
    assert sorted(files.split()) == ["business-token", "database-url"]
