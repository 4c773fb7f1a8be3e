"""A release of the chart with the simulator, and its customers."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cluster.kube import Forward, Helm, Kube, eventually
from tests.images.dockerfile import ROOT
from tests.invariants.stack import Stack

CHART = ROOT / "charts/whatsapp-agent"
VALUES = Path(__file__).with_name("values.yaml")
NAME = "wa"
SUITE = "example.com/suite"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


class Release(Stack):
    """An installed release. Customers speak through the simulator, as with the local stack."""

    def __init__(self, kube: Kube, values: Mapping[str, Any]) -> None:
        self.kube = kube
        self.helm = Helm(kube.namespace)
        # The label tells this release's pods from those of every other namespace.
        self.values = dict(values) | {"pod.labels": {SUITE: kube.namespace}}
        self._postgres = Forward(kube, f"service/{NAME}-postgres", 5432)
        self._simulator = Forward(kube, f"service/{NAME}-simulator", 8100)
        self.http: httpx.Client

    def install(self, *options: str, **changes: Any) -> None:
        """Install, or upgrade to the values of this release and `changes` (dots as `__`); waits for all.

        options: more words for helm.
        """
        extra = self.values | {name.replace("__", "."): value for name, value in changes.items()}
        self.helm.upgrade(NAME, CHART, VALUES, extra=extra, options=options)

    def open(self) -> None:
        """Open the way to the simulator, that is, to the customers."""
        address = f"http://127.0.0.1:{self._simulator.port}"
        # A port-forward does not tell that the other side closed an idle connection (uvicorn does after 5 s).
        limits = httpx.Limits(keepalive_expiry=2)
        token = {"Authorization": f"Bearer {self.simulated('control-token')}"}
        self.http = httpx.Client(base_url=address, headers=token, trust_env=False, timeout=70, limits=limits)

    def simulated(self, key: str) -> str:
        """A secret that the chart made up for the simulated Meta."""
        data = self.kube.get("secret", f"{NAME}-simulator")["data"]
        return base64.b64decode(data[key]).decode()

    def close(self) -> None:
        """Close what `open` opened."""
        if "http" in vars(self):
            self.http.close()
        self._simulator.close()
        self._postgres.close()

    def database_url(self, role: str = "postgres") -> str:
        """Return the gateway's database as a role, by default as the superuser, through a port-forward."""
        user, key = ("whatsapp_agent", "password") if role == "postgres" else (role, f"{role[3:]}-password")
        secret = self.kube.get("secret", f"{NAME}-postgres")["data"][key]
        password = base64.b64decode(secret).decode()  # letters and digits
        return f"postgresql://{user}:{password}@127.0.0.1:{self._postgres.port}/whatsapp_agent"

    def component(self, component: str) -> str:
        """The Deployment or StatefulSet of a component, as kubectl wants it."""
        return f"{'statefulset' if component in ('postgres', 'agent') else 'deployment'}/{NAME}-{component}"

    def rolled_out(self, *components: str) -> None:
        """Wait until every pod of a component is the newest, and ready."""
        for component in components:
            self.kube("rollout", "status", self.component(component), "--timeout=180s", timeout=200)

    def kill(self, name: str, number: int = 9) -> None:
        """Delete a component's pods without grace, and wait for new ones."""
        before = self.kube.ready_pods(name)
        self.kube("delete", "pod", *before, "--grace-period=0", "--force")
        self.rolled_out(name)

    def reconnect(self) -> None:
        """After a restart of the database: a new way to it."""
        self._postgres.close()

        def answers() -> bool:
            try:
                return bool(self.sql("SELECT 1"))
            except Exception:  # noqa: BLE001 - the way breaks in many ways while its pod is not there
                self._postgres.close()
                return False

        eventually(answers, "the database")


class Traffic:
    """Customers who write one message after another, each some seconds after the answer to the one before.

    Meta takes one message in 6 s to a person, after a first 45: customers who write at once soon wait for that.
    """

    def __init__(self, release: Release, customers: int = 6, seconds: float = 0) -> None:
        self._release = release
        self._seconds = seconds
        self._people = [f"55119{70000000 + number}" for number in range(customers)]
        self._stop = threading.Event()
        self.written: dict[str, int] = dict.fromkeys(self._people, 0)
        self._threads = [threading.Thread(target=self._talk, args=(one,), daemon=True) for one in self._people]

    def _talk(self, wa_id: str) -> None:
        while not self._stop.is_set():
            number = self.written[wa_id] + 1
            self._release.say(f"Olá, esta é a mensagem {number}", wa_id)
            self.written[wa_id] = number
            while len(self._release.replies(wa_id)) < number and not self._stop.wait(0.3):
                pass
            self._stop.wait(self._seconds)

    def answered(self) -> int:
        """Answers so far."""
        return sum(len(self._release.replies(one)) for one in self._people)

    def more(self, count: int) -> None:
        """Wait for so many more answers."""
        until = self.answered() + count
        eventually(lambda: self.answered() >= until, f"{count} more answers")

    @contextmanager
    def running(self) -> Iterator[Traffic]:
        """For as long as this lasts they write. At the end, every message must have exactly one answer."""
        for thread in self._threads:
            thread.start()
        try:
            self.more(len(self._people))  # it runs
            yield self
            self.more(len(self._people))  # it runs again
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(30)

    def check(self) -> None:
        """Every message was answered exactly once. Call it when nothing waits any more."""
        assert {one: len(self._release.replies(one)) for one in self._people} == self.written
