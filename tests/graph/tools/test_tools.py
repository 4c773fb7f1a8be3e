import asyncio
import logging
from typing import Any, get_args

import httpx
import psycopg
import pytest
from langchain_core.messages import ToolMessage

from graph import tools
from graph.business import DEMO_KEY, Business, Priority, TicketRequest, create
from graph.business.__main__ import main as create_business
from graph.business.demo import create_tables
from graph.contract.context import CustomerKey
from graph.server import gateway_client as client_module
from graph.server.gateway_client import GatewayClient
from graph.settings import settings
from graph.tools import conversation, policy
from simulator.stack.postgres import Postgres
from tests.graph.support.talk import CAPABILITY, Talk, calls, context, tap

STRANGER = "5511911111111"


async def tool_answer(talk: Talk, name: str, **arguments: Any) -> ToolMessage:
    """Return the result of the tool for the model."""
    talk.model.prepare(calls((name, arguments)), "ok")
    await talk.turn(f"t{len(talk.model.seen)}", "pergunta")
    message = talk.model.seen[-1][-1]
    assert isinstance(message, ToolMessage)
    return message


async def open_ticket(talk: Talk) -> str:
    """Open a ticket that the customer confirmed, and return its number."""
    talk.model.prepare(calls(("create_ticket", {"subject": "Lente", "description": "Riscada"})), "ok")
    await talk.turn(f"ask{len(talk.model.seen)}", "Abra um chamado")
    await talk.turn(f"yes{len(talk.model.seen)}", "sim")
    return talk.model.seen[-1][-1].text.split()[1]


@pytest.mark.parametrize(
    ("order", "fact"),
    [
        ("12345", "Pedido 12345: Em separação"),
        (" #67890", "Pedido 67890: Enviado - Código rastreio: BR123456789"),
        ("11111", "Pedido 11111: Entregue em 15/01/2025"),
        ("99999", "Nenhum pedido 99999 foi encontrado para este cliente."),
        ("'; DROP TABLE business.orders; --", "Nenhum pedido '; DROP TABLE business.orders; -- foi encontrado"),
    ],
)
async def test_order_status(talk: Talk, order: str, fact: str) -> None:
    assert (await tool_answer(talk, "order_status", order_id=order)).text.startswith(fact)


async def test_list_orders_newest_first(talk: Talk) -> None:
    lines = (await tool_answer(talk, "list_orders")).text.splitlines()
    assert [line.split()[1] for line in lines] == ["12345", "67890", "11111"]
    assert lines[0] == "Pedido 12345 de 20/01/2025: Em separação"


async def test_another_customer_sees_nothing_of_it(talk: Talk) -> None:
    ticket = await open_ticket(talk)
    own = (await tool_answer(talk, "get_ticket", ticket_id=ticket)).text
    assert own.startswith(f"Chamado {ticket}: Lente. Situação: Aberto.")

    talk.context = context(STRANGER)
    assert "Nenhum pedido 12345" in (await tool_answer(talk, "order_status", order_id="12345")).text
    assert (await tool_answer(talk, "list_orders")).text == "Este cliente não tem pedidos."
    assert (await tool_answer(talk, "list_tickets")).text == "Este cliente não tem chamados."
    assert f"Nenhum chamado {ticket}" in (await tool_answer(talk, "get_ticket", ticket_id=ticket)).text


@pytest.mark.parametrize("smuggled", ["customer_keys", "wa_id", "customer_id", "runtime", "context"])
async def test_identity_in_the_arguments_is_ignored(talk: Talk, smuggled: str) -> None:
    talk.context = context(STRANGER)
    keys = {"customer_keys": [{"kind": "wa_id", "value": DEMO_KEY.value}]}
    value = {"context": keys, "state": {}} if smuggled in ("runtime", "context") else keys["customer_keys"]
    answer = await tool_answer(talk, "order_status", order_id="12345", **{smuggled: value})
    assert "Em separação" not in answer.text


@pytest.mark.parametrize("tool", tools.TOOLS, ids=lambda tool: tool.name)
def test_no_tool_offers_the_model_an_identity(tool: Any) -> None:
    offered = set(tool.tool_call_schema.model_json_schema().get("properties", {}))
    assert offered <= {
        "order_id", "address", "ticket_id", "subject", "description", "priority", "limit", "words", "fact", "question",
        "options", "department", "reason", "summary", "postcode", "what",
    }  # fmt: skip


async def test_a_run_without_a_customer_gets_no_data(talk: Talk) -> None:
    talk.context = {}
    assert (await tool_answer(talk, "list_orders")).text == "Este cliente não tem pedidos."
    assert "Nenhum pedido 12345" in (await tool_answer(talk, "order_status", order_id="12345")).text
    talk.model.prepare(calls(("create_ticket", {"subject": "a", "description": "b"})), policy.NO_CUSTOMER)
    await talk.turn("asked", "Abra um chamado")
    await talk.turn("confirmed", "sim")
    assert (await talk.messages())[-2].text == policy.NO_CUSTOMER
    assert (await tool_answer(talk, "conversation_history")).text == policy.NO_CUSTOMER


async def test_any_key_of_the_customer_finds_them_but_no_old_one(data: Business) -> None:
    unknown = CustomerKey(kind="user_id", value="BR.1")
    for key, found in ((DEMO_KEY, 3), (CustomerKey(kind="old_wa_id", value=DEMO_KEY.value), 0)):
        assert len(await data.orders([unknown, key])) == found
    assert await data.orders([CustomerKey(kind="user_id", value=DEMO_KEY.value)]) == []
    assert await data.orders([]) == []


async def test_the_same_key_opens_one_ticket_however_often_and_close_together(data: Business) -> None:
    request = TicketRequest(subject="Lente", description="Riscada", priority="high")
    opened = await asyncio.gather(*(data.open_ticket([DEMO_KEY], request, "turn:call") for _ in range(20)))
    assert {ticket.id for ticket in opened} == {opened[0].id}
    other = await data.open_ticket([DEMO_KEY], request, "turn:other-call")
    assert other.id != opened[0].id


async def test_a_customer_whom_nobody_knew_gets_one_row(data: Business, database: str) -> None:
    keys = [CustomerKey(kind="wa_id", value=STRANGER), CustomerKey(kind="user_id", value="BR.7")]
    request = TicketRequest(subject="Dúvida", description="Grau", priority="normal")
    await asyncio.gather(*(data.open_ticket(keys, request, f"turn:{number}") for number in range(10)))
    with psycopg.connect(database) as connection:
        owners = connection.execute("SELECT count(DISTINCT customer_id), count(*) FROM business.tickets").fetchone()
    assert owners == (1, 10)


async def test_a_change_is_an_effect_under_the_key_of_its_proposal(talk: Talk, database: str) -> None:
    ticket = ("create_ticket", {"subject": "Lente", "description": "Riscada"})
    talk.model.prepare(calls(ticket, ticket), "um chamado", "Pronto")
    asked = await talk.turn("t1", "Dois problemas")
    await talk.turn("t2", tap(asked, "Sim"))
    with psycopg.connect(database) as connection:
        keys = connection.execute("SELECT idempotency_key FROM business.tickets ORDER BY 1").fetchall()
    assert keys == [("t1:call-1",)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"subject": "a", "description": "b", "priority": "maximum"},
        {"subject": "", "description": "b"},
        {"subject": "a", "description": "b" * 4001},
        {"subject": "a"},
    ],
)
async def test_wrong_arguments_are_told_to_the_model(talk: Talk, arguments: dict[str, str]) -> None:
    answer = await tool_answer(talk, "create_ticket", **arguments)
    assert answer.status == "error"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("number", ["abc", "٣", "9" * 30, "-1", ""])
async def test_a_ticket_number_that_is_none_is_not_found(talk: Talk, number: str) -> None:
    assert (await tool_answer(talk, "get_ticket", ticket_id=number)).text.startswith(f"Nenhum chamado {number}")


def test_the_priorities_of_code_and_table_agree(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for number, priority in enumerate(get_args(Priority)):
            connection.execute(
                "INSERT INTO business.tickets (customer_id, subject, description, priority, idempotency_key)"
                " SELECT id, 'a', 'b', %s, %s FROM business.customers",
                [priority, str(number)],
            )
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE business.tickets SET priority = 'maximum'")


async def test_creating_the_tables_may_be_repeated_at_once(new_database: Any) -> None:
    address = new_database(template="template1")
    await asyncio.gather(*(create(address) for _ in range(4)))
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM business.orders").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM business.customers").fetchone() == (1,)


async def test_a_company_gets_tables_without_the_demo_in_them(new_database: Any) -> None:
    address = new_database(template="template1")
    await create_tables(address)
    with psycopg.connect(address) as connection:
        for table in ("customers", "products", "orders", "order_items", "tickets"):
            assert connection.execute(f"SELECT count(*) FROM business.{table}").fetchone() == (0,)


async def test_a_database_that_comes_later_is_waited_for(environment: pytest.MonkeyPatch, postgres: Postgres) -> None:
    address = postgres.url.rpartition("/")[0] + "/later"
    environment.setenv("BUSINESS_DATABASE_URL", address)
    command = asyncio.create_task(asyncio.to_thread(create_business, ["--demo"]))
    await asyncio.sleep(1)
    assert not command.done()
    postgres.create_database("later")
    try:
        await command
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT count(*) FROM business.orders").fetchone() == (3,)
    finally:
        postgres.drop_database("later")


async def test_broken_connections_are_replaced(data: Business, database: str) -> None:
    await data.orders([DEMO_KEY])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert len(await data.orders([DEMO_KEY])) == 3


async def test_missing_tables_become_a_fact_and_a_log_line_without_content(
    talk: Talk, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE business.tickets")
    with caplog.at_level(logging.WARNING):
        answer = await tool_answer(talk, "get_ticket", ticket_id="77777")
    assert (answer.text, answer.status) == (policy.UNAVAILABLE, "error")
    assert "get_ticket failed: UndefinedTable" in caplog.text
    assert "77777" not in caplog.text


async def test_a_tool_that_hangs_is_bounded(talk: Talk, database: str, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(policy, "TOOL_SECONDS", 0.05)
    with psycopg.connect(database) as lock:
        lock.execute("LOCK TABLE business.tickets IN ACCESS EXCLUSIVE MODE")
        answer = await tool_answer(talk, "list_tickets")
    assert answer.text == policy.UNAVAILABLE


HISTORY = {
    "messages": [
        {"direction": "in", "author": "customer", "kind": "text", "text": "Oi", "timestamp": "2026-11-22T10:00:00Z"},
        {"direction": "out", "author": "person", "kind": "image", "text": None, "timestamp": "2026-11-22T10:01:00Z"},
    ]
}


async def test_history_comes_from_the_gateway_for_this_customer_only(
    talk: Talk, environment: pytest.MonkeyPatch
) -> None:
    asked: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=HISTORY)

    environment.setenv("GATEWAY_URL", "http://gateway:8000")
    _use_gateway(environment, httpx.MockTransport(gateway))
    answer = await tool_answer(talk, "conversation_history", limit=5)
    assert answer.text == "2026-11-22T10:00:00Z cliente: Oi\n2026-11-22T10:01:00Z atendente: [image]"
    assert str(asked[0].url) == "http://gateway:8000/internal/history?limit=5"
    assert asked[0].headers["authorization"] == f"Bearer {CAPABILITY}"


async def test_without_a_capability_the_tool_says_that_there_is_no_access(
    talk: Talk, environment: pytest.MonkeyPatch
) -> None:
    """As in Studio, whose runs the gateway did not start."""
    asked: list[httpx.Request] = []
    _use_gateway(environment, httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(500)))
    talk.context["capability"] = None
    assert (await tool_answer(talk, "conversation_history")).text == policy.NO_ACCESS
    assert not asked


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_history_that_the_gateway_cannot_tell_is_a_fact(
    talk: Talk, environment: pytest.MonkeyPatch, status: int
) -> None:
    _use_gateway(environment, httpx.MockTransport(lambda _: httpx.Response(status)))
    assert (await tool_answer(talk, "conversation_history")).text == policy.UNAVAILABLE


def _use_gateway(environment: pytest.MonkeyPatch, transport: httpx.AsyncBaseTransport) -> None:
    settings.cache_clear()
    stand_in = GatewayClient(settings(), transport)
    environment.setattr(conversation, "gateway", lambda: stand_in)
    assert client_module.gateway() is not stand_in
