"""A request that the model's provider refuses costs its own answer only: the next ordinary message is answered."""

from __future__ import annotations

import base64
import time

import pytest

from graph.prompts import TEXTS
from tests.graph.files import bombs
from tests.invariants.stack import MARIA, Stack

OTHER = "5511900000201"
WITHIN = 10.0  # seconds
POISON = "palavra-que-o-provedor-recusa"
ORDER = "Olá, quero saber do meu pedido 12345"


def send_picture(stack: Stack, wa_id: str = MARIA) -> None:
    picture = {"base64": base64.b64encode(bombs.png()).decode(), "mime_type": "image/png", "kind": "image"}
    stack.http.post(f"/_sim/personas/{wa_id}/messages", json={"media": picture}).raise_for_status()


def answered_soon(stack: Stack, text: str, wa_id: str) -> str:
    """Say something ordinary; the answer, which is there in time."""
    before, began = len(stack.replies(wa_id)), time.monotonic()
    stack.say(text, wa_id)
    said = stack.answered(wa_id, before + 1)[before]
    assert time.monotonic() - began < WITHIN
    return said


def everybody_is_answered(stack: Stack) -> None:
    assert "Em separação" in answered_soon(stack, ORDER, MARIA)
    assert "assistente" in answered_soon(stack, "Olá", OTHER)
    assert "assistente" in answered_soon(stack, "Olá", MARIA)
    stack.settle()


def test_a_refused_picture(stack: Stack) -> None:
    stack.fault(on="model", kind="refuse", match={"picture": True}, times=None)
    send_picture(stack)
    assert len(stack.answered()) == 1
    everybody_is_answered(stack)
    refused = [call["status"] for call in stack.calls("/chat/completions")].count(400)
    assert refused == 1  # it was never shown again


def test_a_refused_text(stack: Stack) -> None:
    stack.fault(on="model", kind="refuse", contains=POISON, times=None)
    stack.say(f"Olá {POISON}")
    assert stack.answered() == [TEXTS["not_read"]]
    everybody_is_answered(stack)


def test_three_refused_texts_call_a_person(stack: Stack) -> None:
    stack.fault(on="model", kind="refuse", contains=POISON, times=None)
    for number in range(1, 4):
        stack.say(f"{POISON} {number}")
        stack.answered(count=number)
    stack.settle()
    held = stack.sql("SELECT holder, handoff_reason FROM conversation")
    assert held == [("person", TEXTS["three_failures"])]
    assert stack.replies()[-1] == TEXTS["handoff"]
    assert "assistente" in answered_soon(stack, "Olá", OTHER)


@pytest.mark.parametrize("junk", ["", "<html>busy</html>", '{"choices": []}'])
def test_junk_of_the_model_server(stack: Stack, junk: str) -> None:
    stack.fault(on="model", kind="junk", text=junk, contains="lixo", times=1)
    stack.say("Olá lixo")
    assert len(stack.answered()) == 1
    everybody_is_answered(stack)
