"""More load, more pods; less load, fewer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.cluster.kube import eventually
from tests.cluster.release import NAME, Release

# Production waits five minutes before it takes pods away.
QUICK = {
    "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 5}]},
    "scaleDown": {"stabilizationWindowSeconds": 10, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 5}]},
}
REPLICAS = 2  # of values.yaml, without autoscaling


@pytest.fixture
def metrics(release: Release) -> None:
    """Skips where nobody measures CPU."""
    if not release.kube.has_api("v1beta1.metrics.k8s.io"):
        pytest.skip("this cluster measures no CPU: it has no metrics-server")


@pytest.fixture
def keda(release: Release) -> None:
    """Skips where there is no KEDA. Asked for before ``scaled``: the chart refuses to be installed without it."""
    if not release.kube.has_api("v1beta1.external.metrics.k8s.io"):
        pytest.skip("this cluster has no KEDA")


@pytest.fixture
def scaled(release: Release, request: pytest.FixtureRequest) -> Iterator[Release]:
    """The release as ``request.param`` changes it; afterwards as it was."""
    release.install(**request.param)
    yield release
    while True:
        release.install("--force-conflicts")  # an autoscaler has set the replicas, which are Helm's no more
        release.rolled_out("gateway", "worker")
        if replicas(release, "gateway") == replicas(release, "worker") == REPLICAS:
            break  # else it had the last word between the change of the Deployment and its own end


def replicas(release: Release, component: str) -> int:
    """How many the component shall have at this moment."""
    return int(release.kube.get("deployment", f"{NAME}-{component}")["spec"]["replicas"])


@contextmanager
def webhook_load(release: Release) -> Iterator[None]:
    """Webhooks that mean nothing to anybody, as fast as they are taken."""
    stop = threading.Event()
    status = {"id": "wamid.load", "status": "read", "timestamp": "1760000000", "recipient_id": "0"}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "load"}, "statuses": [status] * 20}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "0", "changes": [{"field": "messages", "value": value}]}],
    }

    def post() -> None:
        while not stop.is_set():
            answers = release.http.post("/_sim/webhooks", json={"body": body, "copies": 20}).json()["answers"]
            assert {answer.get("status") for answer in answers} == {200}, answers

    with ThreadPoolExecutor(2) as pool:
        posting = [pool.submit(post) for _ in range(2)]
        try:
            yield
        finally:
            stop.set()
            for one in posting:
                one.result()


GATEWAY = {
    "gateway__autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 3, "targetCPU": 70, "behavior": QUICK}
}


@pytest.mark.parametrize("scaled", [GATEWAY], indirect=True, ids=["cpu"])
def test_gateways_follow_the_load_up_and_down(metrics: None, scaled: Release) -> None:
    eventually(lambda: replicas(scaled, "gateway") == 1, "one gateway without load")
    with webhook_load(scaled):
        eventually(lambda: len(scaled.kube.ready_pods("gateway")) == 3, "three gateways under load")
    eventually(lambda: replicas(scaled, "gateway") == 1, "one gateway again")
    scaled.say("Olá")
    scaled.answered()


WORKER = {
    "worker__autoscaling": {
        "enabled": True, "minReplicas": 1, "maxReplicas": 3, "conversationsPerReplica": 2, "pollingInterval": 2,
        "behavior": QUICK,
    }
}  # fmt: skip


@pytest.mark.parametrize("scaled", [WORKER], indirect=True, ids=["keda"])
def test_workers_follow_the_due_conversations_up_and_down(keda: None, scaled: Release) -> None:
    eventually(lambda: replicas(scaled, "worker") == 1, "one worker without conversations")
    people = [f"55119{60000000 + number}" for number in range(8)]
    hold = scaled.fault(on="model", kind="hold", times=None)
    for one in people:
        scaled.say("Olá", one)
    eventually(lambda: len(scaled.kube.ready_pods("worker")) == 3, "three workers for eight conversations")
    scaled.release(hold)
    for one in people:
        assert len(scaled.answered(one)) == 1
    eventually(lambda: replicas(scaled, "worker") == 1, "one worker again")
    scaled.settle()
    assert all(len(scaled.replies(one)) == 1 for one in people)
