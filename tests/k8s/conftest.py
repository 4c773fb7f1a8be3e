"""The surroundings of cycles: Meta is the simulator, the API server a small stand-in, the clock stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from k8s.cluster import Cluster
from k8s.meta.client import Meta
from k8s.model.declarations import Declarations, Entry
from k8s.model.declared import Number, Template
from k8s.model.json_object import Json
from k8s.numbers.cycle import NumberCycle
from k8s.resource import CycleContext, CycleResult, Memory, Resource
from k8s.templates.cycle import TemplateCycle
from tests.k8s.support.apiserver import ApiServer
from tests.simulator.support.helpers import Business

HOSTS = frozenset({"127.0.0.1", "localhost", "a.example.com", "b.example.com", "nowhere.invalid"})
NUMBER, ACCOUNT = "100000000000001", "200000000000002"
NUMBER_SPEC: Json = {
    "phoneNumberId": NUMBER,
    "businessAccountId": ACCOUNT,
    "credentials": {
        "accessToken": {"name": "loja", "key": "access-token"},
        "appSecrets": [{"name": "loja", "key": "app-secret"}],
        "verifyToken": {"name": "loja", "key": "verify-token"},
    },
}
TEMPLATE_SPEC: Json = {
    "numberRef": {"name": "loja"},
    "name": "pedido_enviado",
    "language": "pt_BR",
    "category": "UTILITY",
    "components": {"body": {"text": "Olá {{1}}, o pedido {{2}} saiu para entrega hoje."}},
    "samples": {"body": {"1": "Maria", "2": "12345"}},
}


class Clock:
    """Monotonic and wall clock in one; it moves when a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.started = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.started + timedelta(seconds=self.seconds - 1000)


@dataclass
class ResourceDriver:
    """One custom resource, whose cycles run as kopf and `Operator` run them, but without both."""

    operator: Harness
    cycle: Any
    name: str
    spec: Json
    status: Json = field(default_factory=dict)
    generation: int = 1
    memory: Memory = field(default_factory=Memory)
    being_deleted: bool = False

    def change(self, **spec: Any) -> None:
        self.spec = {**self.spec, **spec}
        self.generation += 1

    def entry(self, number: int, kind: Any) -> Entry[Any]:
        return Entry(f"{number:05}", kind.model_validate(self.spec), self.being_deleted)

    def resource(self) -> Resource:
        return Resource("shop", self.name, self.generation, self.spec, self.status)

    async def run(self, after: float = 0) -> CycleResult | None:
        """Run one cycle, `after` seconds later."""
        self.operator.clock.seconds += after
        result: CycleResult | None = await self._made().run()
        if result:
            self.status = result.status
        return result

    async def clean_up(self) -> str | None:
        left: str | None = await self._made().clean_up()
        return left

    def has(self, type_: str) -> bool:
        return any(one["type"] == type_ for one in self.status["conditions"])

    def condition(self, type_: str) -> tuple[str, str]:
        found = next(one for one in self.status["conditions"] if one["type"] == type_)
        return found["status"], found["reason"]

    def message(self, type_: str) -> str:
        return str(next(one for one in self.status["conditions"] if one["type"] == type_)["message"])

    def _made(self) -> Any:
        return self.cycle(self.operator.context, self.resource(), self.operator.declared(), self.memory)


class Harness:
    """The surroundings of cycles: context, declared resources, and a clock that tests move."""

    def __init__(self, connect: Callable[[], Meta], cluster: Cluster, clock: Clock) -> None:
        self.clock, self.cluster, self._connect = clock, cluster, connect
        self.woken: list[str] = []
        self._numbers: dict[str, ResourceDriver] = {}
        self._templates: dict[str, ResourceDriver] = {}
        self.restart()

    def restart(self) -> None:
        """Start the operator anew: only resources and their statuses are left of its knowledge."""
        self.meta = self._connect()
        self.context = CycleContext(
            self.meta, self.cluster, "v26.0", 600, 15, self.woken.append, HOSTS, self.clock, self.clock.now
        )
        for kept in (*self._numbers.values(), *self._templates.values()):
            kept.memory = Memory()

    def number(self, name: str = "loja", /, **spec: Any) -> ResourceDriver:
        self._numbers[name] = ResourceDriver(self, NumberCycle, name, {**NUMBER_SPEC, **spec})
        return self._numbers[name]

    def template(self, name: str = "pedido-enviado", /, **spec: Any) -> ResourceDriver:
        self._templates[name] = ResourceDriver(self, TemplateCycle, name, {**TEMPLATE_SPEC, **spec})
        return self._templates[name]

    def undeclare(self, name: str) -> None:
        self._numbers.pop(name, None)
        self._templates.pop(name, None)

    def declared(self) -> Declarations:
        """Return all declarations, each one second older than the next."""
        numbers, templates = self._numbers.items(), self._templates.items()
        return Declarations(
            {("shop", name): one.entry(n, Number) for n, (name, one) in enumerate(numbers)},
            {("shop", name): one.entry(n, Template) for n, (name, one) in enumerate(templates)},
        )


@pytest.fixture
def business() -> Iterator[Business]:
    """A gateway that Meta can verify: it knows the verify token `simulator-verify-token`."""
    receiver = Business()
    yield receiver
    receiver.close()


@pytest.fixture
def api() -> ApiServer:
    """The API server, with the credentials of `loja` in the namespace `shop`."""
    server = ApiServer()
    credentials = {
        "access-token": "simulator-token",
        "app-secret": "simulator-app-secret",
        "verify-token": "simulator-verify-token",
    }
    server.put("secrets", "shop", "loja", credentials)
    return server


@pytest.fixture
async def operator(simulator: Any, api: ApiServer) -> AsyncIterator[Harness]:
    clock = Clock()
    async with api.connected() as connection, httpx.AsyncClient(trust_env=False) as http:

        def connect() -> Meta:
            return Meta(http, simulator.url, calls=200, creates=100, clock=clock, now=clock.now)

        yield Harness(connect, Cluster(connection, "operator-channels"), clock)


@pytest.fixture
def waiting(simulator: Any) -> Any:
    """A simulator whose reviewers do nothing by themselves."""
    simulator.configure(review={"verdict": "wait"})
    return simulator
