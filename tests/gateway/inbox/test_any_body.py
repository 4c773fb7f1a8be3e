"""Webhook bodies that no Meta sends: never a 5xx, and ordinary messages beside them are neither lost nor changed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.store.database import Pool
from graph.contract.state import TurnInput
from graph.history.transcript import messages_of_turn
from tests.gateway.support.deliveries import NUMBER, PAYLOADS, SECRET, payload, signed, text
from tests.gateway.support.doors import opened
from tests.gateway.support.harness import Gateway
from tests.mutations import Memory, cases, damaged, encoded, mutated, seed

PATH = "/webhook/whatsapp"
ORDINARY_EVERY = 20
INTAKE_EVERY = 100
DAMAGED = 0.1
EXPECTED = {200, 400, 403, 413}


@pytest.fixture
def configured(database: str) -> Settings:
    """The settings of `serve`."""
    return Settings(
        _env_file=None,
        database_url=database,
        whatsapp_phone_number_id=NUMBER,
        whatsapp_access_token="t",
        whatsapp_app_secret=SECRET,
        whatsapp_webhook_verify_token="verify-me-by-this",
    )


def samples() -> list[dict[str, Any]]:
    """Return all payloads that the tests know."""
    return [case for path in sorted(PAYLOADS.glob("*.json")) for case in json.loads(path.read_text()).values()]


def bodies(known: list[dict[str, Any]], chance: random.Random, count: int) -> Iterator[bytes]:
    """Yield so many bodies."""
    for _ in range(count):
        body = encoded(mutated(chance.choice(known), chance))
        yield damaged(body, chance) if chance.random() < DAMAGED else body


async def test_any_body(configured: Settings, pool: Pool) -> None:
    gateway, ordinary, count = Gateway(pool), dict[str, str](), cases()
    chance, memory = random.Random(seed()), Memory(count)  # noqa: S311  # not for secrets
    async with opened(configured) as doors:
        for number, body in enumerate(bodies(samples(), chance, count)):
            memory.look(number)
            answer = await doors.webhook.post(PATH, **signed(body))
            assert answer.status_code in EXPECTED, (answer.status_code, body[:2000])
            if number % ORDINARY_EVERY == 0:
                one = text(f"pergunta {number}", wa_id=f"551198{number:07d}")
                ordinary[one["id"]] = one["text"]["body"]
                assert (await doors.webhook.post(PATH, **signed(payload(one)))).status_code == 200
            if number % INTAKE_EVERY == 0:
                await process(gateway)
    await process(gateway)
    found = dict(await gateway.sql("SELECT wamid, content->>'text' FROM message WHERE wamid = ANY(%s)", [*ordinary]))
    assert found == ordinary
    assert await gateway.sql("SELECT note, count(*) FROM event WHERE state = 'failed' GROUP BY 1") == []
    memory.check()
    await readable_for_the_graph(gateway)


async def process(gateway: Gateway) -> None:
    """Process all events that can be processed now."""
    while not await gateway.intake.step():
        pass


async def readable_for_the_graph(gateway: Gateway) -> None:
    """Check that the agent can read every message that waits for an answer."""
    for (content,) in await gateway.sql("SELECT content FROM message WHERE direction = 'in' AND awaits"):
        turn = TurnInput.model_validate({"turn_id": "t", "inbound": [content]})
        assert len(messages_of_turn(turn)) == 1
