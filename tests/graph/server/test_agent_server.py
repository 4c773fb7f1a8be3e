"""The real server (`langgraph dev` with our two configurations) and the behaviour that the gateway relies on."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from langgraph_sdk.client import LangGraphClient

from graph.contract.context import Context
from graph.server.auth import CUSTOMER_PATH
from simulator.ports import free_port, listens
from simulator.stack.process import Process
from tests.graph.conftest import BUSINESS_TOKEN, TOKEN
from tests.graph.support.model_server import Message, ModelServer, call, last_user_text, say
from tests.graph.support.serving import Conversation, Server, somebody_waits, until
from tests.graph.support.talk import context, texts, turn_input

STUDIO = "https://smith.langchain.com"
WHOLE = {
    "turn_id": "t1", "answered": "t1", "handoff": None, "verified": False, "erasure": None, "steps": [],
    "transcripts": [],
}  # fmt: skip


async def test_a_turn_comes_back_with_its_replies_and_nothing_else(
    conversation: Conversation, model_server: ModelServer
) -> None:
    status, output = await conversation.turn("t1", "Oi", "tudo bem?")
    output.pop("usage")  # of its own tests
    replies = [{"type": "text", "text": "Você disse: tudo bem?"}]
    assert (status, output) == ("success", {**WHOLE, "replies": replies})
    sent = [message["content"] for message in model_server.requests[0]["messages"] if message["role"] == "user"]
    assert sent == ["Oi", "tudo bem?"]


async def test_the_same_turn_posted_twice_is_answered_once(
    conversation: Conversation, model_server: ModelServer
) -> None:
    first = await conversation.start("t1", turn_input("t1", "Oi"))
    second = await conversation.start("t1", turn_input("t1", "Oi"))
    outputs = [await conversation.finish(run) for run in (first, second)]
    assert outputs[0] == outputs[1]
    assert len(model_server.requests) == 1


async def test_each_finished_run_keeps_its_own_result(conversation: Conversation) -> None:
    run = await conversation.start("t1", turn_input("t1", "um"))
    await conversation.finish(run)
    await conversation.turn("t2", "dois")
    history = await conversation.client.threads.get_history(conversation.thread, limit=1, metadata={"run_id": run})
    assert history[0]["values"]["turn_id"] == "t1"
    assert texts(history[0]["values"]) == ["Você disse: um"]


async def test_tools_see_the_customer_of_the_context(conversation: Conversation, model_server: ModelServer) -> None:
    model_server.script = _order_script
    assert texts((await conversation.turn("t1", "Pedido 12345"))[1])[0].startswith("Pedido 12345: Em separação\n")
    stranger = Conversation(conversation.client)
    stranger.context = context("5511911111111")
    assert "Nenhum pedido 12345" in texts((await stranger.turn("t1", "Pedido 12345"))[1])[0]


async def test_a_failing_model_fails_the_run_and_a_continued_one_answers(
    conversation: Conversation, model_server: ModelServer
) -> None:
    model_server.failures = 3  # the call and its two retries
    status, output = await conversation.turn("t1", "Oi")
    assert status == "error"
    assert output["__error__"]["error"] == "OpenAIAPIError"
    state = await conversation.client.threads.get_state(conversation.thread)
    assert (state["values"]["turn_id"], state["values"]["replies"], state["next"]) == ("t1", [], ["model"])
    status, output = await conversation.go_on("t1")
    output.pop("usage")
    replies = [{"type": "text", "text": "Você disse: Oi"}]
    assert (status, output) == ("success", {**WHOLE, "replies": replies})


async def test_nothing_of_the_context_stands_with_a_checkpoint(
    conversation: Conversation, model_server: ModelServer, server_database: str
) -> None:
    conversation.context |= {"customer_name": "Maria Aparecida", "persona": "Você é a Lia."}
    model_server.script = _order_script
    await conversation.turn("t1", "Pedido 12345")
    with psycopg.connect(server_database) as connection:
        rows = connection.execute(
            "SELECT metadata FROM agent.checkpoints WHERE thread_id = %s", [conversation.thread]
        ).fetchall()
    assert rows
    for [metadata] in rows:
        assert metadata["run_id"]
        assert not metadata.keys() & Context.model_fields.keys()
        assert not any(str(value) in json.dumps(metadata) for value in conversation.context.values())


async def test_many_conversations_at_once(client: LangGraphClient) -> None:
    conversations = [Conversation(client) for _ in range(20)]
    outputs = await asyncio.gather(*(one.turn("t1", f"sou {n}") for n, one in enumerate(conversations)))
    assert [texts(output) for _, output in outputs] == [[f"Você disse: sou {n}"] for n in range(20)]


@pytest.mark.parametrize("again", ["continued", "posted"])
async def test_a_server_killed_in_mid_tool_opens_one_ticket(
    conversation: Conversation, model_server: ModelServer, server: Server, server_database: str, again: str
) -> None:
    model_server.script = _ticket_script
    asked, turn = str(uuid.uuid4()), str(uuid.uuid4())
    await conversation.turn(asked, "Abra um chamado")
    with psycopg.connect(server_database) as lock:
        lock.execute("LOCK TABLE business.tickets IN ACCESS EXCLUSIVE MODE")
        run = await conversation.start(turn, turn_input(turn, "Sim"))
        await until(lambda: somebody_waits(server_database))
        server.process.kill()
        assert not listens(server.port)
    server.process.start()

    lost = await conversation.client.runs.join(conversation.thread, run)
    assert lost == {"__error__": {"error": "HTTPException", "message": "404: Run not found"}}
    await conversation.client.threads.create(thread_id=conversation.thread, graph_id="agent", if_exists="do_nothing")
    state = await conversation.client.threads.get_state(conversation.thread)
    assert (state["values"]["turn_id"], state["next"]) == (turn, ["tools"])
    continued = conversation.go_on(turn) if again == "continued" else conversation.turn(turn, "Sim")
    status, output = await continued
    assert status == "success"
    with psycopg.connect(server_database) as connection:
        tickets = connection.execute(
            "SELECT id FROM business.tickets WHERE idempotency_key LIKE %s", [f"{asked}:%"]
        ).fetchall()
    assert len(tickets) == 1
    assert texts(output) == [f"Chamado {tickets[0][0]} aberto: Lente"]
    assert len(model_server.requests) == 2  # the wish for a ticket, and what is said of its number


async def test_connections_broken_in_mid_tool_do_not_cost_the_answer(
    conversation: Conversation, model_server: ModelServer, server_database: str
) -> None:
    model_server.script = _ticket_script
    asked, turn = str(uuid.uuid4()), str(uuid.uuid4())
    await conversation.turn(asked, "Abra um chamado")
    with psycopg.connect(server_database) as lock:
        lock.execute("LOCK TABLE business.tickets IN ACCESS EXCLUSIVE MODE")
        run = await conversation.start(turn, turn_input(turn, "Sim"))
        await until(lambda: somebody_waits(server_database))
        with psycopg.connect(server_database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid NOT IN (pg_backend_pid(), %s)",
                [lock.info.backend_pid],
            )
    status, output = await conversation.finish(run)
    assert status == "success"
    assert texts(output)[0].startswith("Chamado ")


async def test_the_console_is_told_about_the_customer_whom_it_names(client: LangGraphClient, server: Server) -> None:
    one = {**context(), "customer_id": str(uuid.uuid4())}
    await client.store.put_item(("profiles",), one["customer_id"], {"facts": ["Prefere lentes mensais."]})
    found = await _customer_data(server, one)
    stages = [(order["id"], order["stage"]) for order in found["orders"]]
    assert stages == [("12345", "open"), ("67890", "shipped"), ("11111", "delivered")]
    assert (found["facts"], found["number_trusted"]) == (["Prefere lentes mensais."], True)
    doubted = await _customer_data(server, {**one, "verification": "unverified"})
    assert (doubted["orders"], doubted["tickets"], doubted["number_trusted"]) == ([], [], False)
    stranger = await _customer_data(server, {**context("5511911111111"), "customer_id": str(uuid.uuid4())})
    assert stranger == {"orders": [], "tickets": [], "facts": [], "number_trusted": True}


async def test_the_token_of_the_console_opens_nothing_else(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        for token, status in ((BUSINESS_TOKEN, 200), (TOKEN, 401), ("other", 401)):
            headers = {"authorization": f"Bearer {token}"}
            assert (await http.post(CUSTOMER_PATH, json=context(), headers=headers)).status_code == status
        console = {"authorization": f"Bearer {BUSINESS_TOKEN}"}
        for path in ("/threads/search", "/store/items/search", "/runs", "/docs", f"{CUSTOMER_PATH}/"):
            assert (await http.post(path, json={}, headers=console)).status_code == 401, path
        odd = [
            {"kind": kind, "value": value} for kind, value in (("wa_id", "a\0b"), ("a\0b", "1"), ("wa_id", "9" * 5000))
        ]
        absurd = [context() | {"customer_keys": [key]} for key in odd] + [context() | {"customer_id": "a\0b"}]
        for body in absurd:
            status = (await http.post(CUSTOMER_PATH, json=body, headers=console)).status_code
            assert status in (200, 422), body
        for body in ({"customer_keys": "x"}, [], absurd[0]):
            assert (await http.post(CUSTOMER_PATH, json=body, headers=console)).status_code == 422
        assert (await http.post(CUSTOMER_PATH, content=b"x" * 70_000, headers=console)).status_code == 413


PERSON = {"threads": [], "profiles": []}
WHOSE = {"request": str(uuid.UUID(int=1)), "customer": context()}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("memory/export", PERSON | {"threads": ["x"]}),
        ("memory/export", PERSON | {"threads": [str(uuid.UUID(int=0))] * 1001}),
        ("memory/erase", PERSON | {"profiles": [10**30]}),
        ("memory/erase", {"threads": {"\0": 1}}),
        ("business/export", WHOSE | {"customer": context() | {"customer_keys": [{"kind": "wa_id", "value": "a\0b"}]}}),
        ("business/erase", WHOSE | {"customer": context() | {"customer_keys": [{"kind": "wa_id", "value": "a\0b"}]}}),
        ("business/erase", WHOSE | {"request": "9" * 5000}),
        ("business/export", WHOSE | {"customer": context() | {"customer_id": "a\0b", "customer_keys": "x"}}),
    ],
)
async def test_absurd_questions_about_a_person_are_no_failure(server: Server, path: str, body: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.post(f"/customer/{path}", json=body, headers=headers)
    assert answer.status_code in (200, 422), answer.text


async def test_absurd_headers_are_no_failure_of_the_server(server: Server) -> None:
    values = [b"\xff\xe9", b"Bearer \xe9", b"9" * 5000, "٣€".encode(), b"http://[", b"x" * 8000]
    names = (
        "authorization",
        "host",
        "origin",
        "x-auth-scheme",
        "cookie",
        "last-event-id",
        "content-type",
        "traceparent",
    )
    async with httpx.AsyncClient(base_url=server.url) as http:
        for name in names:
            for value in values:
                sent = {b"authorization": f"Bearer {TOKEN}".encode(), name.encode(): value}
                for path in (CUSTOMER_PATH, "/customer/memory/export", "/threads/search"):
                    status = (await http.post(path, content=b"{}", headers=list(sent.items()))).status_code
                    assert 200 <= status < 500, (name, value[:20], path)


async def _customer_data(server: Server, whose: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {BUSINESS_TOKEN}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
        answer = await http.post(CUSTOMER_PATH, json=whose)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_the_client_may_not_send_is_refused(client: LangGraphClient) -> None:
    conversation = Conversation(client)
    conversation.context["customer_keys"] = "5511987654321"
    status, output = await conversation.turn("t1", "Oi")
    assert status == "error"
    assert output["__error__"]["error"] == "ValidationError"
    assert "5511987654321" not in json.dumps(output)


def test_development_lets_studio_and_the_token_in(server: Server) -> None:
    assert _preflight(server.url, STUDIO) == (200, STUDIO, "true")
    assert _preflight(server.url, "https://evil.example")[:2] == (401, None)
    assert _search(server.url, {"x-auth-scheme": "langsmith", "origin": STUDIO}) == 200
    assert httpx.get(f"{server.url}/info", headers={"origin": STUDIO}).status_code == 200
    for strange in ({}, {"origin": "https://evil.example"}, {"origin": f"{STUDIO}.evil.example"}, {"origin": "null"}):
        assert _search(server.url, {"x-auth-scheme": "langsmith", **strange}) == 401
    assert _search(server.url, {"origin": STUDIO}) == 401
    assert _search(server.url, {"authorization": f"Bearer {TOKEN}"}) == 200
    assert _search(server.url, {"authorization": "Bearer wrong"}) == 401
    assert _search(server.url, {}) == 401


# What the development server has besides runs: seen open to everybody.
ELSE = [("POST", "/internal/truncate"), ("GET", "/docs"), ("GET", "/openapi.json"), ("POST", "/deploy"),
        ("GET", "/info"), ("GET", "/"), ("GET", "/ui/agent"), ("GET", "/custom")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ELSE)
def test_development_wants_the_token_for_everything_else(server: Server, method: str, path: str) -> None:
    url = server.url + path
    assert httpx.request(method, url).status_code == 401
    if path != "/info":
        studio = {"origin": STUDIO, "x-auth-scheme": "langsmith"}
        assert httpx.request(method, url, headers=studio).status_code == 401
    assert httpx.request(method, url, headers={"authorization": "Bearer wrong"}).status_code == 401
    if method == "GET":  # with the token the others would do it
        assert httpx.request(method, url, headers={"authorization": f"Bearer {TOKEN}"}).status_code != 401


def test_development_answers_to_no_strange_name(server: Server) -> None:
    """A page at evil.example, whose name now leads to 127.0.0.1: for the browser the server is its own."""
    rebound = {"host": "evil.example:2024", "x-auth-scheme": "langsmith", "authorization": f"Bearer {TOKEN}"}
    assert _search(server.url, rebound) == 400
    assert httpx.get(f"{server.url}/ok", headers={"host": "evil.example"}).status_code == 400
    assert _search(server.url, rebound | {"host": "localhost:2024"}) == 200


def test_without_studio_development_lets_the_token_in_and_nobody_else(start_server: Callable[..., Process]) -> None:
    port = free_port()
    process = start_server("langgraph.json", port, STUDIO="false")
    url = f"http://127.0.0.1:{port}"
    assert _preflight(url, STUDIO)[0] == 401
    assert _search(url, {"x-auth-scheme": "langsmith", "origin": STUDIO}) == 401
    assert _search(url, {"authorization": f"Bearer {TOKEN}"}) == 200
    process.stop()


def test_production_lets_the_token_in_and_nobody_else(start_server: Callable[[str, int], Process]) -> None:
    port = free_port()
    process = start_server("langgraph.production.json", port)
    url = f"http://127.0.0.1:{port}"
    assert _preflight(url, STUDIO)[0] == 401
    assert _search(url, {"x-auth-scheme": "langsmith", "origin": STUDIO}) == 401
    assert _search(url, {"authorization": "Bearer wrong"}) == 401
    assert _search(url, {"authorization": f"Bearer {TOKEN}"}) == 200
    assert _search(url, {"authorization": f"Bearer {TOKEN}", "host": "evil.example"}) == 400
    assert httpx.post(f"{url}/internal/truncate").status_code == 401
    assert [httpx.get(url + path).status_code for path in ("/ok", "/metrics", "/docs", "/info", "/")] == [
        200,
        200,
        401,
        401,
        401,
    ]
    process.stop()


def _order_script(messages: list[Message]) -> Message:
    if messages[-1]["role"] == "tool":
        return say(messages[-1]["content"])
    return call("order_status", "call-order", order_id=last_user_text(messages).split()[-1])


def _ticket_script(messages: list[Message]) -> Message:
    if messages[-1]["role"] == "tool":
        return say(messages[-1]["content"])
    return call("create_ticket", f"call-{uuid.uuid4()}", subject="Lente", description=last_user_text(messages))


def _preflight(url: str, origin: str) -> tuple[int, str | None, str | None]:
    """Return status, allowed origin and allowed private network for Chrome's preflight of Studio to a local server."""
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-auth-scheme",
        "access-control-request-private-network": "true",
    }
    answer = httpx.options(f"{url}/threads/search", headers=asked)
    allowed = answer.headers.get("access-control-allow-origin")
    return answer.status_code, allowed, answer.headers.get("access-control-allow-private-network")


def _search(url: str, headers: dict[str, str]) -> int:
    return httpx.post(f"{url}/threads/search", json={}, headers=headers).status_code
