"""Templates requested by HTTP or by command: one for each key, and none to a customer who stopped marketing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.numbers.channels import Channel, Channels
from gateway.settings import Settings
from gateway.store.customers import marketing
from gateway.store.desk import standing
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.doors import opened
from tests.gateway.support.harness import Gateway

TOKEN = {"authorization": "Bearer templates"}
ORDER: dict[str, Any] = {
    "to": "+55 (11) 98765-4321", "name": "order_shipped", "language": "pt_BR", "parameters": ["12345"],
    "category": "utility",
}  # fmt: skip


@pytest.fixture
async def http(database: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        _env_file=None, database_url=database, templates_token="templates", internal_token="internal",
        whatsapp_phone_number_id=NUMBER, whatsapp_access_token="the-token",
    )  # fmt: skip
    async with opened(settings) as doors:
        doors.ops.headers.update(TOKEN)
        yield doors.ops


async def test_a_template_goes_to_somebody_who_never_wrote(http: httpx.AsyncClient, gateway: Gateway) -> None:
    answer = await http.post("/internal/templates", json=ORDER)
    assert answer.status_code == 201
    assert answer.json()["state"] == "queued"
    await gateway.send()
    [body] = gateway.meta.bodies
    assert (body["to"], body["biz_opaque_callback_data"]) == ("+5511987654321", answer.json()["id"])
    assert body["template"] == {
        "name": "order_shipped", "language": {"code": "pt_BR"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "12345"}]}],
    }  # fmt: skip
    assert await gateway.statuses() == ["accepted"]


async def test_named_parameters_header_and_buttons(http: httpx.AsyncClient, gateway: Gateway) -> None:
    header = {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.example/a.png"}}]}
    await http.post("/internal/templates", json={**ORDER, "parameters": {"order": "12345"}, "components": [header]})
    await gateway.send()
    named = {"type": "text", "parameter_name": "order", "text": "12345"}
    assert gateway.meta.bodies[0]["template"]["components"] == [{"type": "body", "parameters": [named]}, header]


async def test_the_same_key_again_answers_with_the_first(http: httpx.AsyncClient, gateway: Gateway) -> None:
    wanted = {**ORDER, "key": "order-12345-shipped"}
    asked = [http.post("/internal/templates", json=wanted) for _ in range(10)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    await gateway.send()
    await gateway.send()
    assert len(gateway.meta.bodies) == 1
    again = await http.post("/internal/templates", json=wanted)
    assert (again.status_code, again.json()["state"]) == (200, "accepted")


async def test_it_joins_the_conversation_of_a_customer_known_by_the_other_form_of_the_number(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    await gateway.receive(text("Olá", wa_id="551187654321"))
    await http.post("/internal/templates", json=ORDER)
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(1,)]


async def test_who_stopped_marketing_gets_no_marketing(http: httpx.AsyncClient, gateway: Gateway) -> None:
    await gateway.receive(text("PARE"))
    [(contact,)] = await gateway.sql("SELECT id FROM contact")
    async with gateway.pool.connection() as conn:
        from datetime import UTC, datetime

        await marketing.set_choice(conn, contact, "stop", datetime.now(UTC))
    offer = {name: value for name, value in ORDER.items() if name != "category"}
    assert (await http.post("/internal/templates", json=offer)).status_code == 409
    assert (await http.post("/internal/templates", json=ORDER)).status_code == 201
    assert await gateway.sql("SELECT count(*) FROM message WHERE direction = 'out'") == [(1,)]


async def test_it_is_sent_although_a_person_takes_over(http: httpx.AsyncClient, gateway: Gateway) -> None:
    await http.post("/internal/templates", json=ORDER)
    [(conversation,)] = await gateway.sql("SELECT id FROM conversation")
    async with gateway.pool.connection() as conn:
        await standing.give(conn, conversation, None)
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"to": "98765"}, 400, "country code"),
        ({"to": "maria"}, 400, "country code"),
        ({"name": ""}, 400, "template.name"),
        ({"parameters": [" "]}, 400, "template.body"),
        ({"category": "spam"}, 400, "category"),
        ({"hologram": 1}, 400, "hologram"),
        ({"channel": "999"}, 404, "channel"),
    ],
)
async def test_what_cannot_be_sent_is_said(
    http: httpx.AsyncClient, gateway: Gateway, change: dict[str, Any], status: int, named: str
) -> None:
    answer = await http.post("/internal/templates", json=ORDER | change)
    assert answer.status_code == status
    assert named in answer.json()["error"]
    assert await gateway.sql("SELECT count(*) FROM message") == [(0,)]


async def test_only_with_the_token(http: httpx.AsyncClient) -> None:
    refused = await http.post("/internal/templates", json=ORDER, headers={"authorization": "Bearer internal"})
    assert (refused.status_code, refused.json()) == (401, {"error": "the bearer token is not TEMPLATES_TOKEN"})
    assert (await http.post("/internal/templates", content=b"{")).status_code == 400


async def test_several_numbers_have_to_be_told_apart() -> None:
    from gateway.outbox.proactive import RefusedError, _channel

    channels = Channels([Channel(phone_number_id=number, access_token="t") for number in "12"])
    assert _channel(channels, "2").phone_number_id == "2"
    with pytest.raises(RefusedError):
        _channel(channels, None)


async def test_the_command(gateway: Gateway, database: str, command: Command) -> None:
    async def send(*arguments: str) -> tuple[int, str]:
        return await command(
            "send-template", *arguments,
            DATABASE_URL=database, WHATSAPP_PHONE_NUMBER_ID=NUMBER, WHATSAPP_ACCESS_TOKEN="the-token",
        )  # fmt: skip

    order = ("--to", "+5511987654321", "--name", "order_shipped", "--language", "pt_BR", "--key", "k1")
    code, said = await send(*order, "12345", "amanhã")
    assert (code, said.split()[1]) == (0, "queued")
    assert await send(*order) == (0, said)
    await gateway.send()
    parameters = gateway.meta.bodies[0]["template"]["components"][0]["parameters"]
    assert [one["text"] for one in parameters] == ["12345", "amanhã"]
    assert await send(*order, "--named", "x") == (1, "gateway: --named takes NAME=VALUE\n")
    assert (await send(*order[2:], "--to", "nobody"))[0] == 1
