"""More load, more pods; less load, fewer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.cluster.kube import eventually
from tests.cluster.release import NAME, Release

pytestmark = pytest.mark.usefixtures("scaled")

# Production waits five minutes before it takes pods away.
QUICK = {
    "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 5}]},
    "scaleDown": {"stabilizationWindowSeconds": 10, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 5}]},
}
GATEWAY = {
    "gateway__autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 3, "targetCPU": 70, "behavior": QUICK}
}
WORKER = {
    "worker__autoscaling": {
        "enabled": True, "minReplicas": 1, "maxReplicas": 3, "conversationsPerReplica": 2, "pollingInterval": 2,
        "behavior": QUICK,
    }
}  # fmt: skip
REPLICAS = 2  # of values.yaml, without autoscaling


@pytest.fixture(scope="module")
def scaled(installed: Release) -> Iterator[Release]:
    """The release with the autoscalers that this cluster can serve; afterwards as it was."""
    changes = {**(GATEWAY if has_metrics(installed) else {}), **(WORKER if has_keda(installed) else {})}
    if not changes:
        pytest.skip("this cluster can scale nothing: it has neither a metrics-server nor KEDA")
    installed.install(**changes)
    yield installed
    for _ in range(5):
        installed.install("--force-conflicts")  # an autoscaler has set the replicas, which are Helm's no more
        installed.rolled_out("gateway", "worker")
        if replicas(installed, "gateway") == replicas(installed, "worker") == REPLICAS:
            return  # else it had the last word between the change of the Deployment and its own end
    pytest.fail("the replicas are not what the values say, long after the autoscalers went")


def has_metrics(release: Release) -> bool:
    """Whether somebody measures CPU."""
    return release.kube.has_api("v1beta1.metrics.k8s.io")


def has_keda(release: Release) -> bool:
    """Whether there is a KEDA."""
    return release.kube.has_api("v1beta1.external.metrics.k8s.io")


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


def test_gateways_follow_the_load_up_and_down(release: Release) -> None:
    if not has_metrics(release):
        pytest.skip("this cluster measures no CPU: it has no metrics-server")
    eventually(lambda: replicas(release, "gateway") == 1, "one gateway without load")
    with webhook_load(release):
        eventually(lambda: len(release.kube.ready_pods("gateway")) == 3, "three gateways under load")
    eventually(lambda: replicas(release, "gateway") == 1, "one gateway again")
    release.say("Olá")
    release.answered()


def test_workers_follow_the_due_conversations_up_and_down(release: Release) -> None:
    if not has_keda(release):
        pytest.skip("this cluster has no KEDA")
    eventually(lambda: replicas(release, "worker") == 1, "one worker without conversations")
    people = [f"55119{60000000 + number}" for number in range(8)]
    hold = release.fault(on="model", kind="hold", times=None)
    for one in people:
        release.say("Olá", one)
    eventually(lambda: len(release.kube.ready_pods("worker")) == 3, "three workers for eight conversations")
    release.release(hold)
    for one in people:
        assert len(release.answered(one)) == 1
    eventually(lambda: replicas(release, "worker") == 1, "one worker again")
    release.settle()
    assert all(len(release.replies(one)) == 1 for one in people)
