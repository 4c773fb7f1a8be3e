"""Answers of a model server that no provider sends: each turn ends with words, and so does the next one."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.graph.support.model_server import Message, ModelServer, Raw, call, completion, say
from tests.graph.support.talk import Talk, texts
from tests.mutations import Memory, cases, damaged, encoded, mutated, seed

SHARE = 20  # a turn for each answer, with all its checkpoints
GOOD = "Claro, posso ajudar!"
FRESH = 25  # turns of a conversation, before another one is begun
ANSWERS: tuple[dict[str, Any], ...] = (
    completion(say(GOOD)),
    completion(call("order_status", "call_1", order_id="12345"), "tool_calls"),
    completion(call("search_products", "call_2", query="lente"), "tool_calls"),
    completion(call("create_ticket", "call_3", subject="Lente", description="arranhada"), "tool_calls"),
    completion(call("request_handoff", "call_4", reason="pediu"), "tool_calls"),
    {"error": {"message": "busy", "type": "server_error", "code": "overloaded"}},
)


async def test_any_answer_ends_in_words(http_talk: Talk, model_server: ModelServer) -> None:
    chance, count = random.Random(seed()), cases() // SHARE  # noqa: S311  # not for secrets
    memory = Memory(count)
    for number in range(count):
        memory.look(number)
        if number % FRESH == 0:
            http_talk.begin()
            model_server.requests.clear()
        odd = mutated(chance.choice(ANSWERS), chance)
        body = damaged(encoded(odd), chance) if chance.random() < 0.1 else encoded(odd)
        raw, first = Raw(body, chance.choice([200, 200, 200, 400])), [True]

        def script(_: list[Message], raw: Raw = raw, first: list[bool] = first) -> Message | Raw:
            return raw if first and first.pop() else say(GOOD)

        model_server.script = script
        output = await http_talk.turn(f"odd-{number}", f"Oi {number}")
        assert texts(output) or output["replies"] or output["handoff"], (body[:2000], output)
        assert json.dumps(output)
        model_server.script = lambda _: say(GOOD)
        assert GOOD in texts(await http_talk.turn(f"good-{number}", "E agora?")), body[:2000]
    memory.check()
