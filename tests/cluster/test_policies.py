"""NetworkPolicies: every needed connection works, every other one does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import images
from tests.cluster.kube import Kube, eventually
from tests.cluster.release import NAME, Release
from tests.images.dockerfile import PROGRAMS

API_SERVER = "the API server"
# Who may speak to whom (and nobody else to anybody): written down here apart from the chart.
OPS = "gateway's other door"  # health, metrics, /internal
CONSOLE_OPS = "console's other door"  # health, metrics
PORTS = {
    "gateway": 8000,
    OPS: 8003,
    "worker": 8001,
    "console": 8002,
    CONSOLE_OPS: 8004,
    "agent": 2024,
    "simulator": 8100,
    "postgres": 5432,
    "redis": 6379,
    "operator": 8080,
}
ALLOWED = {
    "gateway": {"postgres"},
    "worker": {"postgres", "redis", "agent", "simulator"},
    "console": {"postgres", "agent"},
    "agent": {"postgres", OPS, "simulator"},
    "simulator": {"gateway"},
    "operator": {"simulator", API_SERVER},
}
# Tries to connect to all at once; a policy drops, so what is forbidden takes until the time is out.
CONNECT = """
import asyncio, json, sys
async def reaches(address):
    host, port = address.rsplit(":", 1)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 4)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
async def main():
    print(json.dumps(await asyncio.gather(*map(reaches, sys.argv[1:]))))
asyncio.run(main())
"""


def reached(kube: Kube, pod: str, addresses: list[str]) -> set[str]:
    """Those of the addresses that a pod reaches."""
    return {
        one for one, there in zip(addresses, json.loads(kube.python(pod, CONNECT, *addresses)), strict=True) if there
    }


def stranger(**labels: str) -> dict[str, Any]:
    """A pod that sleeps, with Python."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    container = {
        "name": "stranger", "image": images.name_of(PROGRAMS[0]), "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", "import time; time.sleep(3600)"], "securityContext": context,
    }  # fmt: skip
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "labels": labels}, "spec": spec}


@pytest.fixture(scope="module")
def enforced(new_namespace: Callable[[], Any]) -> None:
    """Skips where the cluster takes NetworkPolicies and does nothing: a policy that denies all must deny."""
    with new_namespace() as kube:
        policy = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        metadata = {"name": "deny-all"}
        kube.apply(
            {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy}
        )
        kube.apply(stranger())
        kube("wait", "--for=condition=Ready", "pod/stranger", "--timeout=120s")
        api = kube.get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
        try:
            eventually(lambda: not reached(kube, "stranger", [f"{api}:443"]), "a policy in force", patience=15)
        except AssertionError:
            pytest.skip("this cluster does not enforce NetworkPolicies")


def addresses(release: Release) -> dict[str, str]:
    """Component to address of one of its pods: policies are about pods, and a Service without pods drops anyway."""
    pods = {component: release.kube.pods(_pods_of(component)) for component in PORTS}
    return {one: f"{found[0]['status']['podIP']}:{PORTS[one]}" for one, found in pods.items() if found}


def _pods_of(target: str) -> str:
    return {OPS: "gateway", CONSOLE_OPS: "console"}.get(target, target)


def _service_of(target: str) -> str:
    return "agents" if target == "agent" else _pods_of(target)


@pytest.mark.parametrize("source", sorted(ALLOWED))
def test_a_component_reaches_what_it_needs_and_nothing_else(enforced: None, release: Release, source: str) -> None:
    targets = {one: address for one, address in addresses(release).items() if _pods_of(one) != source}
    api = release.kube.get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
    targets |= {API_SERVER: f"{api}:443", "cloud metadata": "169.254.169.254:80"}
    names = {address: name for name, address in targets.items()}
    found = reached(release.kube, release.kube.ready_pods(source)[0], list(names))
    assert {names[address] for address in found} == ALLOWED[source]


def test_the_services_lead_there(release: Release) -> None:
    for source, targets in ALLOWED.items():
        wanted = [f"{NAME}-{_service_of(target)}:{PORTS[target]}" for target in sorted(targets - {API_SERVER})]
        assert reached(release.kube, release.kube.ready_pods(source)[0], wanted) == set(wanted)


def test_a_stranger_in_the_namespace_reaches_nothing(enforced: None, release: Release) -> None:
    release.kube.apply(stranger())
    try:
        release.kube("wait", "--for=condition=Ready", "pod/stranger", "--timeout=120s")
        targets = list(addresses(release).values())
        eventually(lambda: not reached(release.kube, "stranger", targets), "closed doors", patience=20)
    finally:
        release.kube("delete", "pod", "stranger", "--now")
