"""The two processes as their user starts them: what they say when something is missing, and how they end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.support.deliveries import NUMBER

PLAUSIBLE = "sha256=" + "0" * 64
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start("serve", DATABASE_URL=…)`: the command with only these settings."""
    started: list[subprocess.Popen[str]] = []

    def run(command: str, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", command],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **settings},
            cwd=tmp_path,  # no .env of a developer
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def parts(port: int) -> dict[str, Any]:
    for _ in range(200):
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=20).json()["parts"]
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=30)[0]


def test_a_missing_setting_is_one_sentence(start: Start) -> None:
    process = start("serve")
    assert said(process) == "gateway: DATABASE_URL: Field required (see .env.example)\n"
    assert process.returncode == 1


def test_an_address_that_is_no_postgres_is_one_sentence(start: Start) -> None:
    process = start("migrate", DATABASE_URL="mysql://somewhere/with?password=secret")
    output = said(process)
    assert output.count("\n") == 1
    assert "secret" not in output


def test_a_secret_may_come_as_a_file(start: Start, tmp_path: Path, database: str) -> None:
    (tmp_path / "url").write_text(database + "\n")
    assert said(start("migrate", DATABASE_URL_FILE=str(tmp_path / "url"))) == "the schema is the newest already\n"


def test_migrate_names_a_postgres_that_does_not_answer(start: Start, free_port: Callable[[], int]) -> None:
    process = start("migrate", DATABASE_URL=f"postgresql://u:geheim@127.0.0.1:{free_port()}/x")
    output = said(process)
    assert output.startswith("gateway: Postgres at DATABASE_URL does not answer")
    assert "geheim" not in output
    assert output.count("\n") == 1


def test_a_busy_port_names_the_setting_that_moves_it(start: Start, database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "GATEWAY_PORT" in said(start("serve", DATABASE_URL=database, GATEWAY_PORT=port))
        assert "OPS_PORT" in said(start("serve", DATABASE_URL=database, GATEWAY_PORT="0", OPS_PORT=port))
        assert "WORK_PORT" in said(start("work", DATABASE_URL=database, WORK_PORT=port))
        assert "CONSOLE_PORT" in said(start("console", DATABASE_URL=database, CONSOLE_PORT=port))


def test_all_missing_at_start_is_named_and_the_process_waits(start: Start, free_port: Callable[[], int]) -> None:
    port = free_port()
    work = start(
        "work",
        WORK_PORT=str(port),
        DATABASE_URL=f"postgresql://u@127.0.0.1:{free_port()}/x",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        LANGGRAPH_URL=f"http://127.0.0.1:{free_port()}",
        WHATSAPP_PHONE_NUMBER_ID=NUMBER,
        WHATSAPP_ACCESS_TOKEN="t",
        WHATSAPP_APP_SECRET="s",
    )
    named = parts(port)
    assert {name for name, problem in named.items() if problem != "ok"} == {"postgres", "redis", "agent"}
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=20).status_code == 503
    assert work.poll() is None


@pytest.mark.parametrize("command", ["serve", "work", "console"])
def test_sigterm_ends_it_cleanly_and_its_files_are_private(
    start: Start, command: str, database: str, free_port: Callable[[], int], tmp_path: Path
) -> None:
    port = free_port()
    ports = {"MEDIA_URL": (tmp_path / "media").as_uri()}
    ports |= dict.fromkeys(("OPS_PORT", "WORK_PORT", "CONSOLE_OPS_PORT"), str(port))
    process = start(command, DATABASE_URL=database, GATEWAY_PORT="0", CONSOLE_PORT="0", **ports)
    assert parts(port)["postgres"] == "ok"
    process.send_signal(signal.SIGTERM)
    output = said(process)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in output
    assert (tmp_path / "media").stat().st_mode & 0o777 == 0o700


def test_ready_means_that_the_webhooks_port_answers_too(
    start: Start, database: str, free_port: Callable[[], int]
) -> None:
    port, ops = free_port(), free_port()
    start("serve", DATABASE_URL=database, GATEWAY_PORT=str(port), OPS_PORT=str(ops))
    assert parts(ops)["webhook"] == "ok"
    assert httpx.get(f"http://127.0.0.1:{ops}/readyz").json() == {"ready": True}
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").content == b""
    for path in ("/readyz", "/health", "/metrics", "/internal/templates"):
        assert httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 404


def half(port: int, path: str, length: int) -> socket.socket:
    """A request whose body is announced and not there yet."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n"
    head += f"X-Hub-Signature-256: {PLAUSIBLE}\r\n"  # without it the body is not waited for
    connection.sendall(f"{head}Authorization: Bearer templates\r\nExpect: 100-continue\r\n\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100")  # so somebody reads it now
    return connection


def test_what_was_begun_at_either_door_is_finished_after_sigterm(
    start: Start, database: str, free_port: Callable[[], int]
) -> None:
    port, ops = free_port(), free_port()
    process = start(
        "serve", DATABASE_URL=database, GATEWAY_PORT=str(port), OPS_PORT=str(ops), TEMPLATES_TOKEN="templates"
    )
    assert parts(ops)["webhook"] == "ok"
    with half(port, "/webhook/whatsapp", 2) as webhook, half(ops, "/internal/templates", 2) as template:
        process.send_signal(signal.SIGTERM)
        for number in (port, ops):
            eventually_refused(number)
        webhook.sendall(b"{}")
        template.sendall(b"{}")
        assert webhook.recv(100).startswith(b"HTTP/1.1 403")  # read whole, and not signed
        assert template.recv(100).startswith(b"HTTP/1.1 400")  # read whole, and no template
    output = said(process)
    assert process.returncode == 0
    assert "Traceback" not in output


def eventually_refused(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError(f"port {port} is still open")


def test_work_exports_nothing_about_webhooks(start: Start, database: str, free_port: Callable[[], int]) -> None:
    port = free_port()
    start("work", DATABASE_URL=database, WORK_PORT=str(port))
    parts(port)
    exported = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert "whatsapp_webhook" not in exported
    assert "whatsapp_turns_in_flight" in exported
