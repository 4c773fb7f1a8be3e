"""The access of a customer whose number may have changed hands, before and after a proof."""

import json
import uuid
from typing import Any

import httpx
import psycopg
import pytest

from graph.business import DEMO_KEY, Business, HttpBusiness, NoProofError
from graph.contract.context import Context, CustomerKey
from graph.server import gateway_client as client_module
from graph.settings import settings
from graph.tools import proof
from graph.tools.access import CHANGES_NEED_PROOF
from tests.graph.business.test_isolation import attempts, everything, nothing_of_it
from tests.graph.support.talk import Talk, calls, context

STRANGER = "5511900000001"
ADDRESS, POSTCODE = "Rua das Flores", "01001-000"
SECRETS = (ADDRESS, "BR123456789", "Lente", "289,90", "Em separação")
CANCEL = ("cancel_order", {"order_id": "12345"})
MOVE = ("change_address", {"order_id": "12345", "address": "Rua do Ladrão, 1, São Paulo"})


class Gateway:
    """The gateway's internal API, with a number of tries left."""

    def __init__(self, tries: int = 3) -> None:
        self.tries = tries
        self.asked: list[tuple[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content)))
        self.tries -= 1
        return httpx.Response(429) if self.tries < 0 else httpx.Response(200, json={"left": self.tries})


@pytest.fixture
def gateway(environment: pytest.MonkeyPatch) -> Gateway:
    made = Gateway()
    stand_in = client_module.GatewayClient(settings(), httpx.MockTransport(made))
    environment.setattr(proof, "gateway", lambda: stand_in)
    return made


async def tool(talk: Talk, name: str, **arguments: Any) -> str:
    """Return the result of the tool; the model answers ok."""
    talk.model.prepare(calls((name, arguments)), "ok")
    await talk.turn(str(uuid.uuid4()), "pergunta")
    return talk.model.seen[-1][-1].text


def in_doubt(level: str, value: str = DEMO_KEY.value, **more: Any) -> dict[str, Any]:
    return context(value, verification=level, department="orders", **more)


async def prove(talk: Talk, order_id: str = "12345", postcode: str = POSTCODE) -> Any:
    talk.model.prepare(calls(("verify_customer", {"order_id": order_id, "postcode": postcode})), "Pronto")
    return await talk.turn(str(uuid.uuid4()), f"Pedido {order_id}, CEP {postcode}")


def order(database: str, number: str = "12345") -> tuple[Any, ...] | None:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT stage, address FROM business.orders WHERE id = %s", [number]).fetchone()


# Keys ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["old_wa_id", "parent_user_id", "former_id", "old_user_id"])
async def test_old_and_parent_keys_find_nobody(talk: Talk, kind: str) -> None:
    talk.context = context(STRANGER)
    talk.context["customer_keys"].append({"kind": kind, "value": DEMO_KEY.value})
    assert "Nenhum pedido 12345" in await tool(talk, "order_status", order_id="12345")
    assert await tool(talk, "list_orders") == "Este cliente não tem pedidos."


async def test_a_key_that_has_ended_finds_nobody(talk: Talk) -> None:
    talk.context = context(STRANGER)
    ended = {"kind": "wa_id", "value": DEMO_KEY.value, "since": "2025-01-01", "until": "2026-01-01"}
    talk.context["customer_keys"].append(ended)
    assert "Nenhum pedido 12345" in await tool(talk, "order_status", order_id="12345")


@pytest.mark.parametrize("kind", ["old_wa_id", "parent_user_id"])
async def test_the_data_itself_is_not_asked_by_them_either(data: Business, kind: str) -> None:
    keys = [CustomerKey(kind=kind, value=DEMO_KEY.value)]
    assert await data.orders(keys) == []
    assert await data.order(keys, "12345") is None


def test_a_level_of_the_future_is_the_lowest() -> None:
    assert Context.model_validate({"verification": "half"}).verification == "unverified"
    assert Context.model_validate({}).verification == "verified"


# Before a proof -----------------------------------------------------------------------------------------------------


async def test_an_unverified_number_leads_to_nothing(talk: Talk, database: str) -> None:
    talk.context = in_doubt("unverified")
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("order_status", {"order_id": "12345"}),
        ("list_orders", {}),
        CANCEL,
        MOVE,
    ]
    said = [await tool(talk, name, **arguments) for name, arguments in wishes]
    assert not any(secret in fact for fact in said for secret in SECRETS)
    assert all("CEP da entrega" in fact for fact in said)
    assert ADDRESS in str(order(database))


async def test_no_wish_gets_anything_of_the_numbers_former_owner(talk: Talk, gateway: Gateway, database: str) -> None:
    gateway.tries = 0
    before = everything(database)
    for number, (said, wishes) in enumerate(attempts()):
        talk.context = in_doubt("unverified")
        talk.begin()
        talk.model.forget()
        talk.model.prepare(calls(*wishes, start=50), *["ok"] * 3)
        output = await talk.turn(f"t{number}", said)
        await talk.turn(f"yes{number}", "sim")
        nothing_of_it(talk, output)
    assert everything(database) == before


async def test_after_silence_the_stage_of_orders_is_told_and_nothing_else(talk: Talk, database: str) -> None:
    talk.context = in_doubt("stages_only")
    told = await tool(talk, "order_status", order_id="12345")
    assert told.startswith("Pedido 12345: em preparação.")
    listed = await tool(talk, "list_orders")
    assert [line.split(": ")[1] for line in listed.splitlines()[:3]] == ["em preparação.", "enviado.", "entregue."]
    said = [told, listed, await tool(talk, CANCEL[0], **CANCEL[1]), await tool(talk, MOVE[0], **MOVE[1])]
    assert not any(secret in fact for fact in said for secret in SECRETS)
    assert "12345" not in listed  # half of the proof
    assert said[2] == said[3] == CHANGES_NEED_PROOF
    assert ADDRESS in str(order(database))


async def test_after_a_change_of_phone_all_is_told_and_nothing_changed(talk: Talk, database: str) -> None:
    talk.context = in_doubt("changes_need_proof")
    assert ADDRESS in await tool(talk, "order_status", order_id="12345")
    assert await tool(talk, CANCEL[0], **CANCEL[1]) == CHANGES_NEED_PROOF
    assert await tool(talk, MOVE[0], **MOVE[1]) == CHANGES_NEED_PROOF
    assert await tool(talk, "forget", what="notes") == CHANGES_NEED_PROOF
    assert order(database)[0] == "open"  # type: ignore[index]


@pytest.mark.parametrize("level", ["unverified", "stages_only", "changes_need_proof"])
async def test_what_was_asked_about_before_is_not_done_after(talk: Talk, database: str, level: str) -> None:
    talk.context = in_doubt("verified")
    talk.model.prepare(calls(CANCEL))
    await talk.turn("asked", "Cancele o 12345")
    talk.context = in_doubt(level)
    talk.model.prepare("ok")
    await talk.turn("yes", "sim")
    assert order(database)[0] == "open"  # type: ignore[index]


async def test_somebody_unverified_has_tickets_of_their_own(talk: Talk) -> None:
    talk.context = in_doubt("unverified")
    talk.model.prepare(calls(("create_ticket", {"subject": "Dúvida", "description": "x"})))
    await talk.turn("asked", "Abra um chamado")
    talk.model.prepare("ok")
    await talk.turn("yes", "sim")
    talk.context["department"] = "support"
    assert "Dúvida" in await tool(talk, "list_tickets")
    talk.context = in_doubt("verified") | {"department": "support"}  # the number's owner
    assert "Dúvida" not in await tool(talk, "list_tickets")


async def test_the_tool_is_offered_where_it_may_be_needed(talk: Talk) -> None:
    for level, offered in (("verified", False), ("stages_only", True), ("unverified", True)):
        talk.context = in_doubt(level)
        talk.model.prepare("ok")
        await talk.turn(level, "Oi")
        assert ("verify_customer" in talk.model.tools[-1]) == offered
        assert ("verify_customer" in talk.model.instructions) == offered


# A proof ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["unverified", "stages_only", "changes_need_proof"])
@pytest.mark.parametrize("postcode", ["01001-000", "01001000", "CEP 01001-000"])
async def test_a_proof_opens_the_customers_own_data_and_is_told_to_the_gateway(
    talk: Talk, gateway: Gateway, level: str, postcode: str
) -> None:
    talk.context = in_doubt(level)
    talk.model.prepare(
        calls(("verify_customer", {"order_id": "#12345", "postcode": postcode})),
        calls(("order_status", {"order_id": "12345"})),
        "Pronto",
    )
    output = await talk.turn("t1", "Pedido 12345, CEP 01001-000")
    assert ADDRESS in talk.model.seen[-1][-1].text
    assert output["verified"] is True
    assert gateway.asked == [("/internal/proofs", {"order": "12345"})]
    talk.model.prepare("ok")
    assert (await talk.turn("t2", "Obrigado"))["verified"] is False  # told once


async def test_the_same_turn_again_says_so_again(talk: Talk, gateway: Gateway) -> None:
    talk.context = in_doubt("stages_only")
    talk.model.prepare(calls(("verify_customer", {"order_id": "12345", "postcode": POSTCODE})), "Pronto", "ok")
    first = await talk.turn("t1", "Pedido 12345, CEP 01001-000")
    await talk.turn("t2", "Oi")
    assert await talk.turn("t1", "Pedido 12345, CEP 01001-000") == first
    assert first["verified"] is True


@pytest.mark.parametrize(
    ("order_id", "postcode"), [("12345", "01001-001"), ("99999", POSTCODE), ("67890", "99999-999")]
)
async def test_a_wrong_proof_opens_nothing(talk: Talk, gateway: Gateway, order_id: str, postcode: str) -> None:
    talk.context = in_doubt("unverified")
    assert (await prove(talk, order_id, postcode))["verified"] is False
    assert "não conferem" in talk.model.seen[-1][-1].text
    assert ADDRESS not in await tool(talk, "order_status", order_id="12345")


async def test_without_a_postcode_no_try_is_used(talk: Talk, gateway: Gateway) -> None:
    talk.context = in_doubt("unverified")
    await prove(talk, "12345", "não sei")
    assert gateway.asked == []


@pytest.mark.parametrize("left", [0, 1])
async def test_after_the_last_try_a_person_asks(talk: Talk, gateway: Gateway, left: int) -> None:
    gateway.tries = left
    talk.context = in_doubt("unverified")
    talk.model.prepare(calls(("verify_customer", {"order_id": "12345", "postcode": "01001-001"})))
    output = await talk.turn("t1", "Pedido 12345, CEP 01001-001")
    assert output["handoff"]["reason"].startswith("confirmar quem é")
    assert output["verified"] is False


async def test_where_no_try_is_left_even_the_right_words_prove_nothing(talk: Talk, gateway: Gateway) -> None:
    gateway.tries = 0
    talk.context = in_doubt("unverified")
    talk.model.prepare(calls(("verify_customer", {"order_id": "12345", "postcode": POSTCODE})))
    assert (await talk.turn("t1", "Pedido 12345, CEP 01001-000"))["verified"] is False
    assert ADDRESS not in await tool(talk, "order_status", order_id="12345")


async def test_a_setting_leaves_it_to_a_person(talk: Talk, gateway: Gateway, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("IDENTITY_PROOF", "person")
    settings.cache_clear()
    talk.context = in_doubt("unverified")
    talk.model.prepare(calls(("verify_customer", {"order_id": "12345", "postcode": POSTCODE})))
    output = await talk.turn("t1", "Pedido 12345, CEP 01001-000")
    assert output["handoff"]
    assert gateway.asked == []


async def test_a_proof_of_other_data_does_not_open_the_numbers(talk: Talk, gateway: Gateway, database: str) -> None:
    """B has A's old number, and B's own orders are under B's previous number."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            """WITH b AS (INSERT INTO business.customers (name) VALUES ('B') RETURNING id)
               INSERT INTO business.orders (id, status, customer_id, address)
               SELECT '55555', 'Pago', id, 'Avenida B, 20000-111' FROM b"""
        )
    talk.context = in_doubt("unverified")
    assert (await prove(talk, "55555", "20000-111"))["verified"] is False
    for _ in range(2):  # also in a later turn
        assert "Avenida B" in await tool(talk, "order_status", order_id="55555")
        assert "Nenhum pedido 12345" in await tool(talk, "order_status", order_id="12345")
    assert "12345" not in await tool(talk, "list_orders")


async def test_a_customer_with_a_new_number_proves_the_orders_of_the_old_one(talk: Talk, gateway: Gateway) -> None:
    talk.context = in_doubt("unverified", STRANGER)
    await prove(talk)
    assert ADDRESS in await tool(talk, "order_status", order_id="12345")
    stranger = talk.context
    talk.context = in_doubt("verified", STRANGER)  # somebody else, to whom that number goes one day
    assert "Nenhum pedido 12345" in await tool(talk, "order_status", order_id="12345")
    talk.context = stranger
    assert ADDRESS in await tool(talk, "order_status", order_id="12345")


# The company's own API ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_an_api_without_the_call_is_asked_once(status: int) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status)

    api = HttpBusiness("http://company", None, httpx.MockTransport(answer))
    with pytest.raises(NoProofError):
        await api.verify([CustomerKey(kind="customer_id", value="c")], "1", "01001000")
    assert len(asked) == 1


async def test_only_lasting_keys_are_proven() -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"verified": True})

    api = HttpBusiness("http://company", None, httpx.MockTransport(answer))
    keys = [CustomerKey(kind="wa_id", value="1"), CustomerKey(kind="user_id", value="BR.1")]
    assert await api.verify(keys, "1", "01001000")
    assert bodies[0]["customer"] == [{"kind": "user_id", "value": "BR.1"}]


async def test_keys_that_are_all_old_ask_an_api_for_nothing() -> None:
    api = HttpBusiness("http://company", None, httpx.MockTransport(lambda _: pytest.fail("nobody is asked for all")))
    keys = [CustomerKey(kind="old_wa_id", value="1"), CustomerKey(kind="parent_user_id", value="BR.ENT.1")]
    assert await api.orders(keys) == []
    assert await api.order(keys, "1") is None
