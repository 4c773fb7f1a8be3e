"""The company's own API instead of Postgres: its requests, its retries, and the agreement of contract and code."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
import yaml
from jsonschema import Draft202012Validator

from graph import business as business_module
from graph.business import (
    DEMO_KEY,
    Erased,
    HttpBusiness,
    NoCustomerError,
    NoSuchCallError,
    Order,
    PostgresBusiness,
    Product,
    RefusedError,
    Ticket,
    TicketRequest,
)
from graph.contract.context import CustomerKey

CONTRACT: dict[str, Any] = yaml.safe_load(Path(business_module.__file__).with_name("openapi.yaml").read_text())
KEYS = [
    DEMO_KEY,
    CustomerKey(kind="old_wa_id", value="5511900000000"),
    CustomerKey(kind="wa_id", value="5511900000001", since="2025-01-01", until="2026-01-01"),
    CustomerKey(kind="parent_user_id", value="BR.ENT.9"),
]
LASTING_KEYS = [CustomerKey(kind="customer_id", value="c"), *KEYS]
ORDER = {"id": "12345", "status": "Em separação", "ordered_on": "2025-01-20", "stage": "open", "address": None,
         "items": [{"name": "Lente", "quantity": 2, "price": "289.90"}]}  # fmt: skip
TICKET = {"id": 7, "subject": "a", "description": "b", "priority": "high", "status": "Aberto",
          "created_at": "2026-11-23T12:00:00Z"}  # fmt: skip
PRODUCT = {"id": "X", "name": "Estojo", "price": "9.90"}
REQUEST = TicketRequest(subject="a", description="b", priority="high")

Calls = dict[str, Callable[[HttpBusiness], Any]]
CALLS: Calls = {
    "/orders/list": lambda api: api.orders(KEYS),
    "/orders/get": lambda api: api.order(KEYS, "12345"),
    "/orders/cancel": lambda api: api.cancel_order(KEYS, "12345", "t:c"),
    "/orders/address": lambda api: api.change_address(KEYS, "12345", "Rua A, 1", "t:c"),
    "/products/search": lambda api: api.products("estojo", 5),
    "/tickets/list": lambda api: api.tickets(KEYS),
    "/tickets/get": lambda api: api.ticket(KEYS, 7),
    "/tickets/open": lambda api: api.open_ticket(KEYS, REQUEST, "t:c"),
    "/customers/verify": lambda api: api.verify(LASTING_KEYS, "12345", "01001000"),
    "/customers/export": lambda api: api.records(KEYS),
    "/customers/erase": lambda api: api.erase(KEYS, "r:1"),
}
ANSWERS: dict[str, Any] = {
    "/orders/list": [ORDER], "/orders/get": ORDER, "/orders/cancel": ORDER, "/orders/address": ORDER,
    "/products/search": [PRODUCT], "/tickets/list": [TICKET], "/tickets/get": TICKET, "/tickets/open": TICKET,
    "/customers/verify": {"verified": True}, "/customers/export": {"orders": [ORDER], "points": 7},
    "/customers/erase": {"erased": {"orders": 1}, "kept": ["notas fiscais: cinco anos (CTN, art. 173)"]},
}  # fmt: skip
CHANGES = ("/orders/cancel", "/orders/address", "/tickets/open", "/customers/erase")


class Company:
    """The API: it answers with `statuses` first, then with `ANSWERS`."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.statuses: list[int | httpx.TransportError] = []
        self.body: Any = None
        self.api = HttpBusiness("http://company/api/", "secret-token", httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        if isinstance(status, httpx.TransportError):
            raise status
        body = self.body if status != 200 else ANSWERS[request.url.path.removeprefix("/api")]
        return httpx.Response(status, json=body)


@pytest.fixture
def company() -> Iterator[Company]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield Company()


@pytest.mark.parametrize("path", CALLS)
async def test_requests_and_answers_are_those_of_the_contract(company: Company, path: str) -> None:
    await CALLS[path](company.api)
    [request] = company.asked
    operation = CONTRACT["paths"][path]["post"]
    _check(_schema(operation["requestBody"]), json.loads(request.content))
    _check(_schema(operation["responses"]["200"]), ANSWERS[path])
    assert request.headers["authorization"] == "Bearer secret-token"
    assert ("idempotency-key" in request.headers) == (path in CHANGES)
    assert DEMO_KEY.value not in str(request.url)


def test_the_contract_names_every_call_and_every_field() -> None:
    assert set(CONTRACT["paths"]) == set(CALLS)
    schemas = CONTRACT["components"]["schemas"]
    for model in (Order, Product, Ticket, Erased):
        assert set(schemas[model.__name__]["properties"]) == set(model.model_fields)


async def test_answers_become_our_shapes(company: Company) -> None:
    order = await company.api.order(KEYS, "12345")
    assert order is not None
    assert (order.items[0].price, order.stage) == (Decimal("289.90"), "open")
    assert (await company.api.tickets(KEYS))[0].id == 7
    assert json.loads(company.asked[0].content)["customer"] == [{"kind": "wa_id", "value": DEMO_KEY.value}]


async def test_what_is_not_theirs_is_none(company: Company) -> None:
    company.statuses = [404, 404]
    assert await company.api.order(KEYS, "1") is None
    assert await company.api.ticket(KEYS, 1) is None


@pytest.mark.parametrize("trouble", [500, 503, 429, httpx.ReadTimeout("slow"), httpx.ConnectError("away")])
async def test_passing_trouble_is_tried_again_under_the_same_key_and_told_without_content(
    company: Company, trouble: int | httpx.TransportError, caplog: pytest.LogCaptureFixture
) -> None:
    company.statuses = [trouble, trouble]
    with caplog.at_level(logging.WARNING):
        await company.api.open_ticket(KEYS, TicketRequest(subject="segredo", description="b", priority="low"), "t:c")
    assert [request.headers["idempotency-key"] for request in company.asked] == ["t:c"] * 3
    assert "again in" in caplog.text
    for secret in ("segredo", DEMO_KEY.value, "secret-token"):
        assert secret not in caplog.text


async def test_lasting_trouble_is_an_error(company: Company) -> None:
    company.statuses = [500] * 3
    with pytest.raises(httpx.HTTPStatusError):
        await company.api.orders(KEYS)
    company.statuses = [401]
    with pytest.raises(httpx.HTTPStatusError):
        await company.api.orders(KEYS)
    assert len(company.asked) == 4  # what is refused is not asked again


async def test_the_companys_no_is_a_fact(company: Company) -> None:
    company.statuses, company.body = [409], {"reason": "O pedido 12345 já foi enviado."}
    with pytest.raises(RefusedError, match="já foi enviado"):
        await company.api.cancel_order(KEYS, "12345", "t:c")


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_company_without_these_calls_is_no_failure(company: Company, status: int) -> None:
    company.statuses, company.body = [status, status], {}
    for call in ("/customers/export", "/customers/erase"):
        with pytest.raises(NoSuchCallError):
            await CALLS[call](company.api)
    assert len(company.asked) == 2


async def test_without_a_customer_nobody_is_asked(company: Company) -> None:
    assert await company.api.orders([]) == await company.api.tickets([]) == []
    assert await company.api.order([], "12345") is None
    assert (await company.api.records([]), await company.api.erase([], "r:1")) == ({}, Erased())
    with pytest.raises(NoCustomerError):
        await company.api.cancel_order([], "12345", "t:c")
    assert company.asked == []


def test_the_address_decides_which_one_it_is(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/none")
    business_module.business.cache_clear()
    assert isinstance(business_module.business(), PostgresBusiness)
    environment.setenv("BUSINESS_API_URL", "http://company")
    business_module.settings.cache_clear()
    business_module.business.cache_clear()
    assert isinstance(business_module.business(), HttpBusiness)
    business_module.business.cache_clear()


def _schema(part: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a request's or an answer's body, with the definitions that it refers to."""
    while "$ref" in part:
        _, section, name = part["$ref"].removeprefix("#/").split("/")
        part = CONTRACT["components"][section][name]
    return {**part["content"]["application/json"]["schema"], "components": CONTRACT["components"]}


def _check(schema: dict[str, Any], value: Any) -> None:
    assert [error.message for error in Draft202012Validator(schema).iter_errors(value)] == []
