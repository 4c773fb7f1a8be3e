"""A conversation as the customer sees it, through every real part: webhooks, Postgres, the agent server, sends."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from simulator.meta.messages.payloads import sign
from tests.gateway.support.deliveries import payload, text
from tests.invariants.stack import MARIA, Stack

STRANGER = "5511900000009"


def deliver(stack: Stack, content: object) -> int:
    """Post a webhook as Meta does; the status of the answer."""
    body = json.dumps(content).encode()
    headers = {"X-Hub-Signature-256": sign(body, stack.keys.app_secret)}
    return httpx.post(stack.address("webhook"), content=body, headers=headers, timeout=30).status_code


def test_an_order_is_looked_up_for_its_owner_only(stack: Stack) -> None:
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.say("Olá, quero saber do meu pedido 12345", STRANGER)
    [reply] = stack.answered()
    [other] = stack.answered(STRANGER)
    assert "Em separação" in reply
    assert "Em separação" not in other
    stack.settle()


def test_the_second_message_remembers_the_first(stack: Stack) -> None:
    stack.say("Oi, meu nome é Joana")
    stack.answered()
    stack.say("Qual é o meu nome?")
    assert "Joana" in stack.answered(count=2)[1]
    stack.settle()


def test_a_ticket_is_opened_once_the_customer_said_yes(stack: Stack) -> None:
    stack.say("Quero abrir um chamado: minha lente chegou arranhada")
    stack.asked("Posso abrir este chamado?")
    stack.settle()
    assert stack.sql("SELECT 1 FROM business.tickets") == []
    stack.say("Sim")
    [reply] = stack.answered()
    stack.settle()
    [(number,)] = stack.sql("SELECT id FROM business.tickets")
    assert f"Chamado {number} aberto" in reply


def test_a_webhook_twice_and_twenty_times_at_once_is_answered_once(stack: Stack) -> None:
    delivery = payload(text("Olá, e o pedido 67890?", wa_id=MARIA))
    assert deliver(stack, delivery) == 200
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: deliver(stack, delivery), range(20))) == {200}
    stack.settle()
    assert deliver(stack, delivery) == 200
    stack.settle()
    assert [row[0] for row in stack.sql("SELECT count(*) FROM turn")] == [1]
    assert len(stack.replies()) == 1


def test_ten_messages_within_a_second_are_one_turn_or_two(stack: Stack) -> None:
    said = [f"parte {n} da minha pergunta" for n in range(10)]
    for one in said:
        stack.say(one)
    stack.settle()
    assert len(stack.sql("SELECT 1 FROM turn")) <= 2
    asked = stack.calls("/chat/completions")[-1]["body"]["messages"]
    heard = " ".join(json.dumps(one["content"], ensure_ascii=False) for one in asked if one["role"] == "user")
    assert [heard.index(one) for one in said] == sorted(heard.index(one) for one in said)


def test_a_batch_of_three_customers_is_answered_three_times(stack: Stack) -> None:
    stack.fault(on="webhook", kind="batch", size=3, times=3, match={"kind": "messages"})
    customers = [f"551190000{n:04d}" for n in range(3)]
    for wa_id in customers:
        stack.say("Olá", wa_id)
    for wa_id in customers:
        stack.answered(wa_id)
    stack.settle()
    assert [len(stack.replies(wa_id)) for wa_id in customers] == [1, 1, 1]


def test_long_right_to_left_and_emoji_texts_survive(stack: Stack) -> None:
    wanted = ["x" * 4090 + " fim", "مرحبا بالعالم", "👩🏽‍💻👍🏿 ção"]
    for one in wanted:
        stack.say(one)
    stack.settle()
    asked = json.dumps(stack.calls("/chat/completions")[-1]["body"]["messages"], ensure_ascii=False)
    for one in wanted:
        assert one in asked


def test_nul_and_lone_surrogates_are_never_an_error(stack: Stack) -> None:
    assert deliver(stack, payload(text("a\0b\ud800c pedido 12345", wa_id=MARIA))) == 200
    [reply] = stack.answered()
    assert "Em separação" in reply
    stack.settle()
    [(said,)] = stack.sql("SELECT content->>'text' FROM message WHERE direction = 'in'")
    assert said == "ab\ufffdc pedido 12345"


def test_the_customer_sees_read_and_typing(stack: Stack) -> None:
    wamid = stack.say("Olá")
    stack.answered()
    shown = [call["body"] for call in stack.calls("/messages") if call["body"].get("status") == "read"]
    assert [(one["message_id"], one["typing_indicator"]) for one in shown] == [(wamid, {"type": "text"})]


def test_metrics_tell_what_happened(stack: Stack) -> None:
    stack.say("Olá")
    stack.answered()
    stack.settle()
    serve, work = (httpx.get(stack.address(name)).text for name in ("metrics", "work metrics"))
    assert 'whatsapp_messages_received_total{type="text"}' in work
    assert 'whatsapp_messages_sent_total{type="text"}' in work
    assert "whatsapp_processing_seconds_bucket" in work
    assert "whatsapp_webhook_ack_seconds_bucket" in serve


def test_no_log_holds_what_a_customer_said_or_who_they_are(stack: Stack) -> None:
    stack.say("segredo-do-cliente pedido 12345", MARIA)
    stack.answered()
    stack.settle()
    logs = {path.name: path.read_text(errors="replace") for path in (stack.directory / "logs").glob("*.log")}
    assert {"gateway-serve.log", "gateway-work.log", "agent.log"} <= set(logs)
    for name in ("gateway-serve.log", "gateway-work.log", "agent.log"):
        for secret in ("segredo-do-cliente", MARIA, *stack.keys.as_dict().values()):
            assert secret not in logs[name], f"{secret} in {name}"
