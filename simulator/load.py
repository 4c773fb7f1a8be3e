"""A load test of the running stack: many customers at once, each of whom must be answered once, in order.

Each customer asks for an order with a unique number, and for the next one after the answer. The demo model's answers
name the number, so answers to the wrong customer, duplicates and overtaking ones are detected.
"""

import asyncio
import random
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from simulator.json_type import Json

FIRST_ORDER = 20_000
MAX_CUSTOMERS, MAX_MESSAGES_EACH = 9999, 9
POLL_SECONDS = 5
QUIET_SECONDS = 3  # how long duplicates are awaited after the last answer
MAX_CONCURRENT_WRITES = 50  # requests at the same moment
ORDER_NUMBER = re.compile(r"\d{5,6}")

OnProgress = Callable[[int], None]  # receives how many questions are answered


@dataclass
class Customer:
    """One customer: the orders and times of the questions, and the texts and times of the answers."""

    wa_id: str
    orders: list[str]
    asked: list[float] = field(default_factory=list)
    answers: list[tuple[str, float]] = field(default_factory=list)

    @property
    def named(self) -> list[str]:
        """The order number that each answer names, in order; "?" for an answer that names none of this customer's."""
        return [
            next((one for one in ORDER_NUMBER.findall(text) if one in self.orders), "?") for text, _ in self.answers
        ]

    @property
    def waits(self) -> bool:
        """Whether the last question has no answer yet."""
        return len(self.answers) < len(self.asked)

    def seconds(self) -> list[float]:
        """Return how long each answer took, by Meta's clock."""
        return [answered - asked for asked, (_, answered) in zip(self.asked, self.answers, strict=False)]


@dataclass
class Report:
    """The results of all questions; `seconds` are those of single answers, sorted."""

    customers: int
    questions: int
    sending_seconds: float
    lost: int
    duplicated: int
    out_of_order: int
    unrecognised: int
    seconds: list[float]

    @property
    def correct(self) -> bool:
        """Whether every customer is answered once, in order."""
        return not (self.lost or self.duplicated or self.out_of_order or self.unrecognised)

    def percentile(self, share: float) -> float:
        """Return the seconds within which that share of the answers came."""
        if len(self.seconds) < 2:
            return self.seconds[0] if self.seconds else float("nan")
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[round(share * 100) - 1]


class Load:
    """One run. `client` has the simulator's address as its base."""

    def __init__(self, client: httpx.AsyncClient, customers: int, messages: int, spread_seconds: float) -> None:
        if not 1 <= customers <= MAX_CUSTOMERS or not 1 <= messages <= MAX_MESSAGES_EACH:
            raise ValueError(f"1 to {MAX_CUSTOMERS} customers with 1 to {MAX_MESSAGES_EACH} messages each are possible")
        self._client = client
        self._spread = spread_seconds
        # New numbers each time, without the memory of an earlier run; each keeps its ninth digit.
        run = random.randrange(6000)  # noqa: S311 - not a secret
        self.customers = {
            wa_id: Customer(wa_id, [str(FIRST_ORDER + 10 * n + k) for k in range(messages)])
            for n in range(customers)
            for wa_id in [f"55119{run:04d}{n:04d}"]
        }
        self._writing = asyncio.Semaphore(MAX_CONCURRENT_WRITES)
        self._sending_seconds = 0.0

    async def run(self, timeout_seconds: float, on_progress: OnProgress) -> Report:
        """Let all customers write, and listen until all are answered or time is over. Raises httpx.HTTPError."""
        number = (await self._get("/_sim/accounts"))["numbers"][0]
        await self._throughput(number["id"], "HIGH")  # a standard number may not send that many messages a second
        revision = (await self._get("/_sim/transcript", wa_id="nobody"))["revision"]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ask_first_questions())
                tasks.create_task(self._listen(revision, timeout_seconds, on_progress))
        finally:
            await self._throughput(number["id"], number["throughput"])
        return self.report()

    def report(self) -> Report:
        """Return the results so far."""
        customers = self.customers.values()
        named = [(one, [name for name in one.named if name != "?"]) for one in customers]
        return Report(
            customers=len(self.customers),
            questions=sum(len(one.orders) for one in customers),
            sending_seconds=self._sending_seconds,
            lost=sum(len(set(one.orders) - set(found)) for one, found in named),
            duplicated=sum(len(found) - len(set(found)) for _, found in named),
            out_of_order=sum(list(dict.fromkeys(found)) != sorted(set(found)) for _, found in named),
            unrecognised=sum(one.named.count("?") for one in customers),
            seconds=sorted(seconds for one in customers for seconds in one.seconds()),
        )

    async def _ask_first_questions(self) -> None:
        """Send each customer's first question, spread evenly over the seconds."""
        started, pause = time.monotonic(), self._spread / len(self.customers)
        async with asyncio.TaskGroup() as tasks:
            for n, customer in enumerate(self.customers.values()):
                await asyncio.sleep(max(0, started + n * pause - time.monotonic()))
                tasks.create_task(self._ask(customer))
        self._sending_seconds = time.monotonic() - started

    async def _ask(self, customer: Customer) -> None:
        order = customer.orders[len(customer.asked)]
        body = {"text": f"Quero saber do meu pedido {order}"}
        customer.asked.append(float("inf"))  # until the transcript says when
        async with self._writing:
            answer = await self._client.post(f"/_sim/personas/{customer.wa_id}/messages", json=body)
        answer.raise_for_status()

    async def _listen(self, revision: int, timeout_seconds: float, on_progress: OnProgress) -> None:
        deadline = time.monotonic() + timeout_seconds
        seen: set[str] = set()
        done = False
        async with asyncio.TaskGroup() as tasks:
            while (left := deadline - time.monotonic()) > 0:
                page = await self._get("/_sim/transcript", after=revision, wait=min(left, POLL_SECONDS))
                revision = page["revision"]
                for message in page["messages"]:
                    if message["id"] not in seen and message["wa_id"] in self.customers:
                        seen.add(message["id"])
                        self._record(self.customers[message["wa_id"]], message, tasks)
                on_progress(sum(min(len(one.answers), len(one.orders)) for one in self.customers.values()))
                if not done and all(len(one.answers) >= len(one.orders) for one in self.customers.values()):
                    done, deadline = True, min(deadline, time.monotonic() + QUIET_SECONDS)

    def _record(self, customer: Customer, message: Json, tasks: asyncio.TaskGroup) -> None:
        at = datetime.fromisoformat(message["timestamp"]).timestamp()
        if message["direction"] == "in":
            customer.asked[customer.asked.index(float("inf"))] = at
            return
        if message["type"] == "reaction":
            return
        customer.answers.append((message["text"] or "", at))
        if not customer.waits and len(customer.asked) < len(customer.orders):
            tasks.create_task(self._ask(customer))

    async def _throughput(self, number_id: str, level: str) -> None:
        answer = await self._client.put(f"/_sim/numbers/{number_id}", json={"throughput": level})
        answer.raise_for_status()

    async def _get(self, path: str, **query: str | float) -> Json:
        answer = await self._client.get(path, params=query)
        found: Json = answer.raise_for_status().json()
        return found
