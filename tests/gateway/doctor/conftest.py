"""`gateway doctor` where all is well: a migrated database, the simulator, and a webhook that really answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.inbox.verification import Verification
from gateway.numbers.channels import Channel, Channels
from simulator.stack.valkey import Valkey
from tests.conftest import Simulator
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import ACCOUNT, NUMBER
from tests.gateway.support.serving import served

VERIFY_TOKEN = "verify-token-of-the-doctor-tests"
AGENT_TOKEN = "agent-token-of-the-doctor-tests"
FIELDS_IN = ("turn_id", "inbound", "since", "unsent", "early")
FIELDS_OUT = ("turn_id", "replies", "handoff", "verified", "steps", "transcripts", "usage")


class Report:
    """The exit status, the findings of `--json`, and all that was printed."""

    def __init__(self, code: int, printed: str) -> None:
        self.code, self.printed = code, printed
        shown = printed[printed.find("{\n") :]  # after the log lines of the webhook, which is in this process
        self.findings: list[dict[str, str]] = orjson.loads(shown)["findings"] if shown.startswith("{") else []

    def of(self, level: str) -> list[str]:
        return [f"{one['part']}: {one['finding']}" for one in self.findings if one["level"] == level]

    def step_of(self, words: str) -> str:
        """Return the next step of the only finding with these words."""
        [found] = [one for one in self.findings if words in one["finding"]]
        return found["step"]


Doctor = Callable[..., Awaitable[Report]]


@pytest.fixture
async def webhook_url() -> AsyncIterator[str]:
    channel = Channel(phone_number_id=NUMBER, access_token="x", verify_token=VERIFY_TOKEN)
    verification = Verification(Channels([channel]))

    async def verify(request: Request) -> Response:
        return verification.answer(request)

    async with served(Starlette(routes=[Route("/webhook/whatsapp", verify)])) as url:
        yield f"{url}/webhook/whatsapp"


class AgentServer:
    """The paths of an agent server that the doctor asks; tests/contract asks the real one."""

    def __init__(self) -> None:
        self.takes, self.gives = FIELDS_IN, FIELDS_OUT

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/ok", lambda _: JSONResponse({"ok": True})),
                Route("/info", lambda _: JSONResponse({"version": "0.16.0"})),
                Route("/assistants/search", self._search, methods=["POST"]),
                Route("/assistants/{assistant}/schemas", self._schemas),
            ]
        )

    async def _search(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {AGENT_TOKEN}":
            return JSONResponse({"detail": "Send the token."}, 401)
        return JSONResponse([{"assistant_id": "fe096781-5601-53d2-b2f6-0d3403f7e9ca", "graph_id": "agent"}])

    async def _schemas(self, _: Request) -> Response:
        shown = {"input_schema": self.takes, "output_schema": self.gives}
        return JSONResponse({name: {"properties": {one: {} for one in fields}} for name, fields in shown.items()})


@pytest.fixture
def agent_server() -> AgentServer:
    return AgentServer()


@pytest.fixture
async def environment(
    simulator: Simulator, webhook_url: str, agent_server: AgentServer, valkey: Valkey, database: str, tmp_path: Path
) -> AsyncIterator[dict[str, str]]:
    """The settings of a process that has all secrets, as on the local stack."""
    simulator.configure(webhook_url=webhook_url)
    subscribe = f"{simulator.url}/v26.0/{ACCOUNT}/subscribed_apps"
    async with httpx.AsyncClient(headers={"authorization": "Bearer simulator-token"}) as http:
        (await http.post(subscribe)).raise_for_status()
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("INSERT INTO event (key, field, type, raw, state) VALUES ('k', 'f', 't', '', 'done')")
    async with served(agent_server.app()) as agent:
        yield {
            "DATABASE_URL": f"{database}?options=-c%20role%3Dwa_gateway", "WHATSAPP_GRAPH_URL": simulator.url,
            "WHATSAPP_PHONE_NUMBER_ID": NUMBER, "WHATSAPP_BUSINESS_ACCOUNT_ID": ACCOUNT,
            "WHATSAPP_ACCESS_TOKEN": "simulator-token", "WHATSAPP_APP_SECRET": "simulator-app-secret",
            "WHATSAPP_WEBHOOK_VERIFY_TOKEN": VERIFY_TOKEN, "REDIS_URL": valkey.url,
            "LANGGRAPH_URL": agent, "LANGGRAPH_TOKEN": AGENT_TOKEN, "MEDIA_URL": f"file://{tmp_path}/media",
        }  # fmt: skip


@pytest.fixture
def doctor(environment: dict[str, str], command: Command) -> Doctor:
    """`await doctor(NAME=value)`: `gateway doctor --json` with changed settings (None: without), no secret in it."""

    async def run(option: str = "--json", **changes: str | None) -> Report:
        settings: dict[str, Any] = {**environment, **changes}
        code, printed = await command("doctor", *([option] if option else []), **settings)
        secrets = (*SECRETS, *(changes[name] for name in changes if name.endswith(("TOKEN", "SECRET"))))
        assert [secret for secret in secrets if secret and secret in printed] == []
        return Report(code, printed)

    return run


SECRETS = ("simulator-token", "simulator-app-secret", VERIFY_TOKEN, AGENT_TOKEN)
