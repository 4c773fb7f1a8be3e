"""The replies of a turn are checked, cleaned and queued."""

import json
from typing import Any

import pytest

from tests.gateway.support.agent_server import echo
from tests.gateway.support.deliveries import text
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import Gateway


async def test_long_replies_are_queued_in_parts(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {
        "turn_id": given["turn_id"],
        "replies": [{"type": "text", "text": "palavra " * 1000}],
    }
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert [len(reply) <= 4096 for reply in await gateway.replies()] == [True, True]
    assert await gateway.sql("SELECT part FROM message WHERE direction = 'out' ORDER BY seq") == [(0,), (1,)]


REPLIES: dict[str, dict[str, Any]] = {
    "text": {"text": "Olá"},
    "buttons": {"body": "Confirma?", "buttons": [{"id": "y", "title": "Sim"}, {"id": "n", "title": "Não"}]},
    "list": {
        "body": "Qual?", "button": "Pedidos",
        "sections": [{"title": "Abertos", "rows": [{"id": "1", "title": "12345", "description": "Em separação"}]}],
    },
    "media": {"kind": "image", "link": "https://x.example/a.png", "caption": "A armação"},
    "location": {"latitude": -23.5, "longitude": -46.6, "name": "Loja"},
    "contacts": {"contacts": [{"name": {"formatted_name": "Ana", "first_name": "Ana"}}]},
    "template": {"name": "order_shipped", "language": "pt_BR", "components": []},
    "reaction": {"emoji": "👍", "message_id": "wamid.IN"},
    "cta_url": {"body": "Veja", "text": "Abrir", "url": "https://x.example"},
    "flow": {"body": "Agende", "flow_id": "1", "cta": "Agendar"},
}  # fmt: skip


@pytest.mark.parametrize("kind", REPLIES)
async def test_every_type_of_reply_is_queued_and_goes_out_in_context(gateway: Gateway, kind: str) -> None:
    reply = {"type": kind, **REPLIES[kind], "reply_to": "wamid.IN"}
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [reply]}
    await gateway.receive(text("Olá", message_id="wamid.IN"))
    await gateway.settle()
    await gateway.send()
    [body] = gateway.meta.bodies
    assert body["type"] == {"list": "interactive", "buttons": "interactive", "cta_url": "interactive",
                            "flow": "interactive", "media": "image"}.get(kind, kind)  # fmt: skip
    assert body.get("context") == (None if kind == "reaction" else {"message_id": "wamid.IN"})


async def test_the_models_markdown_becomes_whatsapps(gateway: Gateway) -> None:
    said = "# Pedido\n\n**Enviado** em *março*:\n\n| Item | Preço |\n|---|---|\n| Lente | R$ 90 |"
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [{"type": "text", "text": said}]}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    [formatted] = await gateway.replies()
    assert formatted == "*Pedido*\n\n*Enviado* em _março_:\n\n- Item: Lente; Preço: R$ 90"


async def test_a_reply_over_a_limit_becomes_a_text_that_says_the_same(gateway: Gateway) -> None:
    buttons = [{"id": str(n), "title": str(n)} for n in range(4)]
    reply = {"type": "buttons", "body": "Qual?", "buttons": buttons}
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [reply]}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert await gateway.replies() == ["Qual?\n1. 0\n2. 1\n3. 2\n4. 3"]


@pytest.mark.parametrize(("texts", "said"), [(["", "Olá"], ["Olá"]), (["  ", "---"], ["Desculpe"])])
async def test_replies_that_say_nothing_are_left_out_but_not_all(
    gateway: Gateway, texts: list[str], said: list[str]
) -> None:
    replies = [{"type": "text", "text": one} for one in texts]
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": replies}
    await gateway.receive(text("Olá"))
    await gateway.settle()
    assert [reply[:8] for reply in await gateway.replies()] == said


@pytest.mark.parametrize(("answered", "looks"), [("this", 0), ("another", 1), (None, 1)])
async def test_a_run_is_looked_at_only_where_its_answer_does_not_say_that_it_is_whole(
    gateway: Gateway, answered: str | None, looks: int
) -> None:
    gateway.agent.answer = lambda given: {
        **echo(given), "answered": given["turn_id"] if answered == "this" else answered,
    }  # fmt: skip
    await gateway.receive(text("Oi"))
    await gateway.settle()
    assert (await gateway.replies(), gateway.agent.looks) == (["Oi"], looks)


async def test_a_result_that_cannot_be_stored_counts_as_an_attempt(gateway: Gateway) -> None:
    await poison(gateway.pool, "message", "NEW.content->>'text' = 'poison'")
    await gateway.receive(text("poison-free"))
    gateway.agent.answer = lambda given: {
        "turn_id": given["turn_id"], "replies": [{"type": "text", "text": "poison"}], "handoff": None,
    }  # fmt: skip
    for attempt in range(1, 4):
        await gateway.settle()
        assert (await gateway.sql("SELECT attempts, state FROM turn")) == [
            (attempt, "open") if attempt < 3 else (2, "failed")
        ]
    assert (await gateway.replies())[0].startswith("Desculpe")
    gateway.agent.answer = echo
    await gateway.receive(text("the next"))
    await gateway.settle()
    assert (await gateway.replies())[-1] == "the next"


NESTED = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("reason", "kept"), [("a\0b", "ab"), ("x\ud800y", "x\ufffdy"), ({"a": "\0"}, "{'a': ''}"), (None, "")]
)
async def test_what_comes_from_the_agent_is_cleaned(gateway: Gateway, reason: object, kept: str) -> None:
    gateway.agent.answer = lambda given: json.dumps(
        {
            "turn_id": given["turn_id"],
            "replies": [{"type": "text", "text": "Um\0 mom\ud800ento"}],
            "handoff": {"reason": reason, "summary": "\0"},
        }
    ).encode()
    await gateway.receive(text("Quero uma pessoa"))
    await gateway.settle()
    assert await gateway.replies() == ["Um mom\ufffdento"]
    assert await gateway.sql("SELECT holder, handoff_reason FROM conversation") == [("person", kept)]


@pytest.mark.parametrize(
    "answer",
    [
        b'{"turn_id": "%s", "replies": [], "handoff": "words"}',
        b'{"turn_id": "%s", "replies": [{"type": "text", "text": ' + NESTED + b'}], "handoff": null}',
        b'{"turn_id": "%s", "replies": [' + b'{"type": "a", "b": ' * 400 + b"1" + b"}" * 400 + b'], "handoff": null}',
        b'{"turn_id": "%s", "replies": {"type": "text"}, "handoff": null}',
        b"no JSON",
    ],
    ids=["handoff", "depth", "some depth", "replies", "no JSON"],
)
async def test_an_answer_of_another_shape_counts_as_an_attempt(gateway: Gateway, answer: bytes) -> None:
    gateway.agent.answer = lambda given: answer.replace(b"%s", given["turn_id"].encode())
    await gateway.receive(text("Olá"))
    for _ in range(3):
        await gateway.settle()
    assert [reply[:8] for reply in await gateway.replies()] == ["Desculpe"]
    assert await gateway.sql("SELECT state FROM turn") == [("failed",)]
    gateway.agent.answer = echo
    await gateway.receive(text("the next"))
    await gateway.settle()
    assert (await gateway.replies())[-1] == "the next"
