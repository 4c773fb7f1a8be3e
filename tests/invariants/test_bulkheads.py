"""One bad result, number or row ends nothing: the next message, of the same customer and of others, is answered."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.gateway.support.deliveries import payload, text
from tests.invariants.stack import MARIA, Stack, eventually
from tests.invariants.test_conversation import STRANGER, deliver

WITHIN = 10.0  # seconds


def answered_soon(stack: Stack, *customers: str) -> None:
    """Have each of these customers write something ordinary, and wait for the answers."""
    before = {wa_id: len(stack.replies(wa_id)) for wa_id in customers}
    began = time.monotonic()
    for wa_id in customers:
        stack.say("Olá, tudo bem?", wa_id)
    for wa_id in customers:
        stack.answered(wa_id, before[wa_id] + 1)
    assert time.monotonic() - began < WITHIN


@contextmanager
def poisoned(stack: Stack, condition: str) -> Iterator[None]:
    """Postgres refuses the messages for which a condition on NEW holds."""
    stack.sql(
        f"""CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN IF {condition} THEN RAISE program_limit_exceeded; END IF; RETURN NEW; END $body$"""
    )
    stack.sql("CREATE TRIGGER poison BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION poison()")
    try:
        yield
    finally:
        stack.sql("DROP TRIGGER poison ON message")


def test_a_result_that_cannot_be_stored_ends_its_turn_only(stack: Stack) -> None:
    with poisoned(stack, "NEW.author = 'agent' AND NEW.content::text LIKE '%Em separa%'"):
        stack.say("Olá, quero saber do meu pedido 12345")
        eventually(lambda: stack.sql("SELECT 1 FROM turn WHERE attempts > 0"), "an attempt that failed")
        answered_soon(stack, STRANGER)
        [apology] = stack.answered()
        assert apology.startswith("Desculpe")
        assert stack.sql("SELECT state, attempts FROM turn WHERE state <> 'done'") == [("failed", 2)]
        answered_soon(stack, MARIA, STRANGER)


def test_what_comes_for_an_unknown_number_waits_and_keeps_nobody_waiting(stack: Stack) -> None:
    for _ in range(5):
        assert deliver(stack, payload(text("para ninguém", wa_id=MARIA), number="999")) == 200
    eventually(lambda: len(stack.sql("SELECT 1 FROM event WHERE note IS NOT NULL")) == 5, "five that wait")
    answered_soon(stack, MARIA, STRANGER)
    assert stack.sql("SELECT DISTINCT state FROM event WHERE phone_number_id = '999'") == [("new",)]
    stack.settle()


def test_a_poisoned_row_fails_alone(stack: Stack) -> None:
    with poisoned(stack, "NEW.content->>'text' = 'veneno'"):
        stack.say("veneno")
        huge = text("Olá", wa_id=MARIA) | {"from": "9" * 20_000, "from_user_id": "BR." + "9" * 20_000}
        assert deliver(stack, payload(huge)) == 200
        eventually(lambda: stack.sql("SELECT 1 FROM event WHERE state = 'failed'"), "an item that failed")
        answered_soon(stack, MARIA, STRANGER)
    left = "SELECT state, note FROM event WHERE state IN ('failed', 'unknown') ORDER BY state"
    assert stack.sql(left) == [
        ("failed", "ProgramLimitExceeded"),
        ("unknown", "nothing names the customer for certain"),
    ]
