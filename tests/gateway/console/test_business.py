"""The customer's orders, tickets and facts beside the conversation: whose they are, and what happens without them."""

from typing import Any

import httpx
import pytest

from gateway.console import process
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML, person

NASTY = "<script>alert(1)</script>"
KNOWN = {
    "orders": [{"id": "12345", "status": f"Em separação {NASTY}", "ordered_on": "2026-11-20", "stage": "open"}],
    "tickets": [{"id": 7, "subject": f"Lente {NASTY}", "status": "aberto", "created_at": "2026-11-21T12:00:00Z"}],
    "facts": [f"Prefere lentes mensais {NASTY}"],
    "number_trusted": True,
}


class AgentServer:
    """The agent server at the transport: its answers, and what it was asked."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json=KNOWN)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def agent(monkeypatch) -> AgentServer:
    agent = AgentServer()
    monkeypatch.setattr(process, "new_http_client", lambda: httpx.AsyncClient(transport=httpx.MockTransport(agent)))
    return agent


@pytest.fixture
async def hers(agent, open_console, pool):
    """A browser of Ana's, on a console that may ask the agent server."""
    await person(pool, "ana", Role.ATTENDANT, departments=["vendas"])
    browser = await open_console(business_token="for-the-panel", langgraph_url="http://agent:2024")
    await browser.sign_in("ana")
    return browser


async def test_the_customer_is_named_in_the_body_and_html_is_text(hers, agent, desk) -> None:
    path = f"/console/conversations/{desk.conversation('Carla', '5511987654321')}"
    page = await hers.get(path, headers=HTML)
    assert "Buscando pedidos" in page.text
    assert agent.asked == []
    part = (await hers.get(f"{path}/business")).text
    for shown in ("12345", "Em preparação", "20/11/2026", "Prefere lentes mensais", "21/11/2026"):
        assert shown in part, shown
    assert "<script>" not in part
    assert "não está confirmado" not in part
    (asked,) = agent.asked
    assert (str(asked.url), asked.headers["authorization"]) == (
        "http://agent:2024/business/customer", "Bearer for-the-panel"
    )  # fmt: skip
    body: dict[str, Any] = httpx.Response(200, content=asked.content).json()
    assert [(key["kind"], key["value"]) for key in body["customer_keys"]] == [("wa_id", "5511987654321")]
    assert body["verification"] == "verified"


async def test_a_number_in_doubt_is_said_to_be(hers, agent, desk, pool) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    async with pool.connection() as conn:
        await conn.execute("UPDATE contact_key SET doubt = 'unverified'")
    agent.answer = httpx.Response(200, json={"orders": [], "tickets": [], "facts": [], "number_trusted": False})
    part = (await hers.get(f"/console/conversations/{conversation}/business")).text
    assert b"unverified" in agent.asked[0].content
    assert "Nenhum pedido" in part
    assert "não está confirmado" in part


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"), httpx.ConnectError("away"), httpx.Response(503), httpx.Response(401),
        httpx.Response(200, text="<html>"), httpx.Response(200, json={"orders": [{"id": 1}]}),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else str(one.status_code),
)  # fmt: skip
async def test_without_an_answer_the_conversation_is_shown_all_the_same(hers, agent, desk, answer) -> None:
    agent.answer = answer
    path = f"/console/conversations/{desk.conversation('Carla', '5511987654321')}"
    refused = await hers.get(f"{path}/business")
    assert refused.status_code == 503
    assert "A conversa segue normalmente" in refused.json()["error"]
    assert (await hers.get(path, headers=HTML)).status_code == 200


async def test_nothing_is_asked_about_a_conversation_of_another_department(hers, agent, desk) -> None:
    conversation = desk.conversation("Carla", "5511987654321", department="suporte")
    assert (await hers.get(f"/console/conversations/{conversation}/business")).status_code == 404
    assert agent.asked == []


async def test_without_a_token_there_is_no_such_part(signed_in, desk) -> None:
    browser = await signed_in(Role.ATTENDANT)
    path = f"/console/conversations/{desk.conversation('Carla', '5511987654321')}"
    assert 'id="business"' not in (await browser.get(path, headers=HTML)).text
    assert (await browser.get(f"{path}/business")).status_code == 404
