"""Hundreds of customers who write messages of all kinds, alone and in bursts, as a seed decides."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.invariants.stack import Stack

POISON = "palavra-que-o-provedor-recusa"
WRITERS = 16
PLACE = {"type": "location", "location": {"latitude": -23.55, "longitude": -46.63, "name": "Loja"}}
CARD = {"type": "contacts", "contacts": [{"name": {"formatted_name": "Rita", "first_name": "Rita"}}]}
# What a customer does next, and how often among a hundred.
KINDS = {
    "text": 62, "burst": 8, "image": 4, "voice": 4, "document": 4, "sticker": 2, "location": 3, "contacts": 2,
    "reaction": 4, "edit": 3, "revoke": 2, "poison": 1, "unsupported": 1,
}  # fmt: skip
SAMPLES = {"image": "image", "voice": "voice", "document": "pdf", "sticker": "sticker"}


@dataclass
class Customer:
    """A customer: the number, the ids of the messages that were written, of texts among them, and of revoked ones."""

    wa_id: str
    written: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)


@dataclass
class Customers:
    """All customers; `write` lets them write so many messages at a rate, in an order that the seed decides."""

    stack: Stack
    chance: random.Random
    people: list[Customer]
    done: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: Stack, chance: random.Random, count: int) -> Customers:
        """Return so many customers with numbers of their own."""
        return cls(stack, chance, [Customer(f"551197{n:07d}") for n in range(count)])

    def write(self, messages: int, per_second: float, *, until: threading.Event) -> None:
        """Write the messages, each customer's own ones one after another; end early when the event is set."""
        began, shares = time.monotonic(), self._shares(messages)
        with ThreadPoolExecutor(WRITERS) as pool:
            waiting: dict[str, Any] = {}
            for place, (customer, kind, number) in enumerate(shares):
                if until.wait(max(0.0, began + place / per_second - time.monotonic())):
                    break
                before = waiting.get(customer.wa_id)
                waiting[customer.wa_id] = pool.submit(self._after, before, customer, kind, number)
            for one in waiting.values():
                one.result()

    def _shares(self, messages: int) -> Iterator[tuple[Customer, str, int]]:
        kinds, weights = [*KINDS], [*KINDS.values()]
        for number in range(messages):
            yield self.chance.choice(self.people), self.chance.choices(kinds, weights)[0], number

    def _after(self, before: Any, customer: Customer, kind: str, number: int) -> None:
        if before is not None:
            before.result()
        for action in _actions(customer, kind, number):
            self._act(customer, action)
        self.done[kind] = self.done.get(kind, 0) + 1

    def _act(self, customer: Customer, action: dict[str, Any]) -> None:
        """Act on the simulator, which stands for the customer's phone and is never broken."""
        if "reaction" in action:
            received = [one["id"] for one in self.stack.transcript(customer.wa_id) if one["direction"] == "out"]
            if not received:
                return
            action = {"reaction": {"message_id": received[-1], "emoji": "👍"}}
        answer = self.stack.http.post(f"/_sim/personas/{customer.wa_id}/messages", json=action)
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            return  # no phone offers it, such as a change of a message that was deleted
        answer.raise_for_status()
        if "text" in action or "message" in action or "media" in action or "unsupported" in action:
            customer.written.append(answer.json()["id"])
        if "revoke" in action:
            customer.revoked.append(action["revoke"])
        if "text" in action:
            customer.texts.append(answer.json()["id"])


def _actions(customer: Customer, kind: str, number: int) -> list[dict[str, Any]]:
    """Return what the customer does: one action, or the three texts of a burst."""
    asked = f"pedido {20_000 + number}"
    if kind in SAMPLES:
        return [{"media": {"sample": SAMPLES[kind]}}]
    if kind in ("edit", "revoke") and customer.texts:
        last = customer.texts[-1]
        return [
            {"edit": {"message_id": last, "text": f"Na verdade, o {asked}"}} if kind == "edit" else {"revoke": last}
        ]
    others: dict[str, list[dict[str, Any]]] = {
        "burst": [{"text": "Oi"}, {"text": "tudo bem?"}, {"text": f"e o {asked}?"}],
        "poison": [{"text": f"{POISON} {number}"}],
        "location": [{"message": PLACE}],
        "contacts": [{"message": CARD}],
        "unsupported": [{"unsupported": "poll"}],
        "reaction": [{"reaction": True}],
    }
    return others.get(kind, [{"text": f"Quero saber do meu {asked}"}])
