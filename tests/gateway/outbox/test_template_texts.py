"""A template's text is stored: a tap refers to it, and the agent's next turn contains it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.numbers.channels import Channel, Channels
from gateway.outbox.proactive import TemplateRequest, send
from gateway.store.database import Pool
from gateway.whatsapp.messages.templates import header_media, quick_reply, shown, template
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.harness import Gateway

CASES = Path(__file__).parents[2] / "cases"
CHANNELS = Channels([Channel(phone_number_id=NUMBER, access_token="the-token", waba_id="200000000000002")])
CONFIRM: dict[str, Any] = {
    "id": "1", "name": "consulta", "language": "pt_BR", "status": "APPROVED", "category": "UTILITY",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Olá {{1}}"},
        {"type": "BODY", "text": "Confirma a consulta de {{1}} às {{2}}?"},
        {"type": "FOOTER", "text": "SVLentes"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": title} for title in ("Sim", "Não")]},
    ],
}  # fmt: skip
SHOWN = "Olá Ana\nConfirma a consulta de 28/11 às 10h?\nSVLentes\n(Sim | Não)"
REQUEST = TemplateRequest(
    to="+5511900000001", name="consulta", language="pt_BR", parameters=["28/11", "10h"], category="utility",
    components=[
        {"type": "header", "parameters": [{"type": "text", "text": "Ana"}]},
        quick_reply(0, "consulta-881:confirmar"),
    ],
)  # fmt: skip


@pytest.fixture
def gateway(pool: Pool) -> Gateway:
    gateway = Gateway(pool, channels=CHANNELS)
    gateway.meta.templates = [{**CONFIRM, "language": "en_US"}, CONFIRM]
    return gateway


async def out(gateway: Gateway, **changed: Any) -> None:
    """Queue the template, and send it."""
    async with gateway.pool.connection() as conn:
        await send(conn, CHANNELS, REQUEST.model_copy(update=changed))
    await gateway.send()


async def kept(gateway: Gateway) -> list[str]:
    return [
        row[0] for row in await gateway.sql("SELECT content->>'text' FROM message WHERE direction = 'out' ORDER BY seq")
    ]


async def tap(gateway: Gateway) -> dict[str, Any]:
    """Receive a tap on the template that was sent (case P04)."""
    told = json.loads((CASES / "P04_template_button.json").read_text())
    [message] = told["entry"][0]["changes"][0]["value"]["messages"]
    await gateway.receive({**message, "context": {**message["context"], "id": "wamid.OUT1"}})
    [(item,)] = await gateway.sql("SELECT content FROM message WHERE wamid = 'wamid.P04'")
    return dict(item)


async def test_a_tap_is_linked_to_what_the_template_said(gateway: Gateway) -> None:
    await out(gateway)
    assert await kept(gateway) == [SHOWN]
    assert gateway.meta.bodies[0]["template"].keys() == {"name", "language", "components"}
    item = await tap(gateway)
    assert item["context"]["text"] == SHOWN
    assert (item["interactive"]["id"], item["interactive"]["title"]) == ("consulta-881:confirmar", "Sim")


async def test_it_goes_out_although_meta_does_not_tell_its_words(gateway: Gateway) -> None:
    gateway.meta.templates = None
    await out(gateway)
    assert await gateway.statuses() == ["accepted"]
    assert await kept(gateway) == ["[modelo consulta]"]


async def test_many_messages_of_one_template_ask_once(gateway: Gateway) -> None:
    for n in range(5):
        async with gateway.pool.connection() as conn:
            await send(conn, CHANNELS, REQUEST.model_copy(update={"to": f"+551190000010{n}"}))
    await gateway.send()
    assert (gateway.meta.asked_for_templates, await kept(gateway)) == (1, [SHOWN] * 5)
    gateway.now += 601
    await out(gateway)
    assert gateway.meta.asked_for_templates == 2


async def test_a_code_is_kept_from_everybody_but_the_customer(gateway: Gateway) -> None:
    assert gateway.meta.templates is not None
    gateway.meta.templates[1] = {**CONFIRM, "category": "AUTHENTICATION"}
    await out(gateway, category="authentication")
    assert await kept(gateway) == ["[código de verificação]"]


async def test_the_agents_next_turn_is_told_once_what_was_shown(gateway: Gateway) -> None:
    await out(gateway)
    for words in ("Que consulta é essa?", "E o endereço?"):
        await gateway.receive(text(words, wa_id="5511900000001"))
        await gateway.settle()
    first, second = (run["input"]["since"] for run in reversed(gateway.agent.runs))
    assert [(one["kind"], one["text"]) for one in first] == [("template", SHOWN)]
    assert second == []


def test_words_of_a_template() -> None:
    media = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Pedido {{order}}: {{valor}} {{falta}}"}]
    amount = {"type": "currency", "parameter_name": "valor", "currency": {"fallback_value": "R$ 10", "code": "BRL"}}
    sent = template("t", "pt_BR", {"order": "1"}, header=header_media("image", media_id="1"))
    sent.components[1]["parameters"].append(amount)
    assert shown(sent, media) == "(image)\nPedido 1: R$ 10 {{falta}}"
    assert shown(template("t", "pt_BR"), [{"type": "BODY", "text": None}, {"type": "BUTTONS", "buttons": None}]) == ""
