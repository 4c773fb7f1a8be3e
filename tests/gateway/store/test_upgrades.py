"""A schema expands before it contracts: the processes of the last release work with the newest one (CONTRIBUTING)."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from gateway.store.database import Pool
from gateway.store.migrate import MIGRATIONS
from gateway.store.people.people import Role
from simulator.ports import free_port
from tests.conftest import Simulator
from tests.gateway.console.conftest import HTML, Browser, person
from tests.gateway.store.release import LAST_MIGRATION, unpack
from tests.gateway.support.agent_server import AgentServer
from tests.gateway.support.deliveries import MARIA, NUMBER
from tests.gateway.support.harness import until
from tests.gateway.support.serving import served

VERIFY_TOKEN = "verify-token-of-the-upgrade-tests"


# The last release's processes -----------------------------------------------------------------------------------------


@pytest.fixture
async def agent() -> AsyncIterator[str]:
    async with served(AgentServer().app()) as url:
        yield url


@pytest.fixture
def ports() -> dict[str, str]:
    names = ("GATEWAY_PORT", "OPS_PORT", "WORK_PORT", "CONSOLE_PORT", "CONSOLE_OPS_PORT")
    return {name: str(free_port()) for name in names}


@pytest.fixture
def last_release(
    tmp_path: Path, database: str, simulator: Simulator, agent: str, ports: dict[str, str]
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Serve, work and console of the last release, on the newest schema, each with its own database role."""
    code = unpack(tmp_path, "gateway")
    shared = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(code), "MEDIA_URL": f"file://{tmp_path}/media", **ports,
        "WHATSAPP_GRAPH_URL": simulator.url, "WHATSAPP_PHONE_NUMBER_ID": NUMBER, "LANGGRAPH_URL": agent,
        "WHATSAPP_ACCESS_TOKEN": simulator.access_token, "WHATSAPP_APP_SECRET": simulator.app_secret,
        "WHATSAPP_WEBHOOK_VERIFY_TOKEN": VERIFY_TOKEN, "QUIET_PERIOD_SECONDS": "0", "POLL_SECONDS": "0.1",
    }  # fmt: skip
    simulator.configure(webhook_url=f"http://127.0.0.1:{ports['GATEWAY_PORT']}/webhook/whatsapp")
    with ExitStack() as stack:
        started = {}
        for name, role in (("serve", "wa_gateway"), ("work", "wa_gateway"), ("console", "wa_console")):
            settings = shared | {"DATABASE_URL": f"{database}?options=-c%20role%3D{role}"}
            log = stack.enter_context((tmp_path / f"{name}.log").open("wb"))
            command = [sys.executable, "-m", "gateway.cli", name]
            process = subprocess.Popen(command, env=settings, cwd=code, stdout=log, stderr=log)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            started[name] = process
        yield started


async def test_the_last_releases_processes_work_with_the_newest_schema(
    last_release: dict[str, subprocess.Popen[bytes]], ports: dict[str, str], pool: Pool, simulator: Simulator,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A message is received, answered and sent, and a person reads it in the console, while nobody has upgraded yet."""
    await person(pool, "ana", Role.ADMIN)
    async with httpx.AsyncClient(trust_env=False) as http:
        for name in ("OPS_PORT", "WORK_PORT", "CONSOLE_OPS_PORT"):
            await until(lambda port=ports[name]: _ready(http, port), 120)
    simulator.post(f"personas/{MARIA}/messages", text="Olá, tudo bem?")
    await until(lambda: "Olá, tudo bem?" in _answers(simulator), 120)
    origin = f"http://127.0.0.1:{ports['CONSOLE_PORT']}"
    async with Browser(base_url=origin, trust_env=False) as browser:
        signed_in = await browser.sign_in("ana", headers={"origin": origin})
        assert signed_in.status_code == 303, signed_in.text
        async with pool.connection() as conn:
            [(conversation,)] = await (await conn.execute("SELECT id FROM conversation")).fetchall()
        page = await browser.get(f"/console/conversations/{conversation}", headers=HTML)
        assert page.text.count("Olá, tudo bem?") >= 2, page.status_code
    assert {name: process.poll() for name, process in last_release.items()} == dict.fromkeys(last_release)
    logs = "".join((tmp_path / f"{name}.log").read_text() for name in last_release)
    assert [line for line in logs.splitlines() if '"level": "error"' in line or "Traceback" in line] == []


async def _ready(http: httpx.AsyncClient, port: str) -> bool:
    await asyncio.sleep(0.1)
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz", timeout=20)).is_success
    except httpx.TransportError:
        return False


def _answers(simulator: Simulator) -> list[str]:
    messages = simulator.get("transcript", wa_id=MARIA)["messages"]
    return [one["text"] for one in messages if one["direction"] == "out"]


# The migrations since then --------------------------------------------------------------------------------------------

ALLOWED = "-- contracts:"  # and the reason for which the last release does not notice
CONTRACTIONS = {
    "takes something away": r"\bDROP\s+(TABLE|COLUMN|VIEW|TYPE|FUNCTION|SCHEMA|EXTENSION)\b",
    "renames": r"\bRENAME\b",
    "demands a value": r"\bSET\s+NOT\s+NULL\b",
    "changes a type": r"\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b",
    "takes a default away": r"\bDROP\s+DEFAULT\b",
    "demands a value of a new column": (
        r"\bADD\s+(COLUMN\s+)?(?!CONSTRAINT)\w+(?![^,;]*\b(DEFAULT|GENERATED)\b)[^,;]*\bNOT\s+NULL\b"
    ),
}


def contractions(sql: str) -> list[str]:
    """Return what of a migration the last release might notice; statements with the comment of ALLOWED are left out."""
    statements = [one for one in sql.split(";") if ALLOWED not in one]
    bare = ";".join(re.sub(r"--[^\n]*", "", one) for one in statements)
    return [what for what, pattern in CONTRACTIONS.items() if re.search(pattern, bare, re.IGNORECASE)]


def test_migrations_since_the_last_release_only_expand() -> None:
    new = [path for path in MIGRATIONS.glob("*.sql") if path.stem > LAST_MIGRATION]
    assert {path.stem: found for path in new if (found := contractions(path.read_text()))} == {}
    assert (MIGRATIONS / f"{LAST_MIGRATION}.sql").exists()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DROP TABLE turn;", ["takes something away"]),
        ("ALTER TABLE turn DROP COLUMN steps;", ["takes something away"]),
        ("ALTER TABLE turn RENAME steps TO done;", ["renames"]),
        ("ALTER TABLE turn ALTER COLUMN steps SET NOT NULL;", ["demands a value"]),
        ("ALTER TABLE turn ALTER steps TYPE text;", ["changes a type"]),
        ("ALTER TABLE turn ADD COLUMN a int NOT NULL;", ["demands a value of a new column"]),
        ("ALTER TABLE turn ADD a int NOT NULL CHECK (a > 0);", ["demands a value of a new column"]),
        ("ALTER TABLE turn ADD COLUMN a int NOT NULL DEFAULT 0, ADD COLUMN b int;", []),
        ("ALTER TABLE turn ADD COLUMN a int DEFAULT 0 NOT NULL;", []),
        ("CREATE TABLE new (a int NOT NULL); ALTER TABLE turn ADD COLUMN a int REFERENCES new;", []),
        ("DROP INDEX turn_age; -- DROP TABLE turn", []),
        ("-- contracts: the last release does not read it\nALTER TABLE turn DROP COLUMN steps;", []),
    ],
)
def test_a_contraction_is_seen(sql: str, found: list[str]) -> None:
    assert contractions(sql) == found
