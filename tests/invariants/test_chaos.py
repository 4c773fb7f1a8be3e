"""Everything at once: customers write while processes die and Meta misbehaves; the same invariants hold at the end."""

import os
import random
import threading
import time

import pytest

from tests.invariants.stack import Stack

CUSTOMERS = [f"5511970{n:06d}" for n in range(12)]
MESSAGES = 4
VICTIMS = ["gateway work", "gateway serve", "agent", "valkey"]


# CHAOS_SEEDS="1 2 3" tries others.
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1").split()]


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_at_once(stack: Stack, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    stack.fault(on="webhook", kind="duplicate", times=20, copies=3, match={"kind": "messages"})
    stack.fault(on="webhook", kind="reorder", times=6, size=3, seconds=1)
    stack.fault(on="send", kind="lost_answer", times=4, match={"type": "text"})
    stack.fault(on="model", kind="error", status=500, times=3)
    stack.fault(on="model", kind="delay", seconds=1, times=15)

    killer = threading.Thread(target=_kill, args=(stack, chance.sample(VICTIMS, len(VICTIMS))))
    killer.start()
    for n in range(MESSAGES):
        for wa_id in CUSTOMERS:
            stack.say(f"mensagem {n} sobre o pedido 12345", wa_id)
            time.sleep(chance.uniform(0, 0.15))
    killer.join()

    stack.settle()
    for wa_id in CUSTOMERS:
        said = stack.sql(
            """SELECT count(*), count(DISTINCT m.turn_id) FROM message m JOIN conversation c ON c.id = m.conversation_id
               JOIN contact_key k USING (contact_id) WHERE k.value = %s AND m.direction = 'in'""",
            wa_id,
        )
        [(messages, turns)] = said
        assert messages == MESSAGES
        assert len(stack.replies(wa_id)) == turns


def _kill(stack: Stack, victims: list[str]) -> None:
    for victim in victims:
        stack.kill(victim)
