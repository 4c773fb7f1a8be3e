"""Lost answers for ever: what becomes of one customer's sends is never known; nobody waits for it for long."""

import json
import time
from pathlib import Path

from tests.invariants.stack import MARIA, Stack

OTHER = "5511900000008"
WITHIN = 10.0  # seconds


def test_lost_answers_for_ever(stack: Stack) -> None:
    stack.fault(on="webhook", kind="drop", times=None, match={"kind": "statuses", "wa_id": MARIA})
    stack.fault(on="send", kind="lost_answer", times=None, match={"to": MARIA})
    stack.say("Olá")
    stack.answered()
    assert stack.sql("SELECT 1 FROM message WHERE status IN ('accepted', 'sent', 'delivered', 'read')") == []
    began = time.monotonic()
    stack.say("Olá, quero saber do meu pedido 12345")
    stack.say("Olá", OTHER)
    stack.answered(OTHER)
    other = time.monotonic() - began
    stack.answered(count=2)
    same = time.monotonic() - began
    assert (other < WITHIN, same < WITHIN) == (True, True), (other, same)
    stack.settle()  # nothing was sent twice, and nothing waits for ever
    assert stack.sql("SELECT status FROM message WHERE status = 'failed'") == [("failed",)] * 2
    assert len(stack.replies()) == 2


def test_one_recipient_never_holds_others(stack: Stack) -> None:
    """Case O_130497, with the case's own fault."""
    fault = json.loads((Path(__file__).parents[1] / "cases/O_130497.json").read_text())["simulator_fault"]
    stack.fault(**fault)
    refused = fault["match"]["to"]
    stack.say("Olá", refused)
    for n in range(3):
        began = time.monotonic()
        stack.say("Olá", f"551190000001{n}")
        stack.say("Olá", refused)
        stack.answered(f"551190000001{n}")
        assert time.monotonic() - began < WITHIN
    stack.settle()
    assert stack.replies(refused) == []
    assert stack.sql("SELECT DISTINCT error_code FROM message WHERE status = 'failed'") == [(130497,)]
