"""Pods come and go while customers write: every message is answered exactly once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.kube import CommandError, eventually
from tests.cluster.release import NAME, SUITE, Release, Traffic

OURS = ("gateway", "worker", "agent")


@pytest.fixture
def traffic(release: Release) -> Iterator[Traffic]:
    """Customers who write before, during and after what the test does; then everything is checked."""
    release.fault(on="model", kind="delay", times=None, seconds=0.7)  # so that there is always a run to interrupt
    customers = Traffic(release)
    with customers.running():
        yield customers
    release.settle()
    customers.check()


@pytest.mark.parametrize("component", OURS)
def test_pods_are_killed(release: Release, traffic: Traffic, component: str) -> None:
    release.kill(component)


def test_one_gateway_of_two_is_killed(release: Release, traffic: Traffic) -> None:
    release.kube("delete", "pod", release.kube.ready_pods("gateway")[0], "--grace-period=0", "--force")
    release.rolled_out("gateway")


def test_everything_is_rolled_at_once(release: Release, traffic: Traffic) -> None:
    for component in OURS:
        release.kube("rollout", "restart", release.component(component))
    release.rolled_out(*OURS)


def test_an_upgrade_and_a_rollback(release: Release, traffic: Traffic) -> None:
    before = release.kube.get("deployment", f"{NAME}-worker")["spec"]["template"]
    made_up = release.kube.get("secret", f"{NAME}-simulator")["data"]
    changed = {"annotations": {"example.com/upgrade": "1"}}
    release.install(gateway__pod=changed, worker__pod=changed, agent__pod=changed)
    assert release.kube.get("deployment", f"{NAME}-worker")["spec"]["template"] != before
    assert release.kube.get("secret", f"{NAME}-simulator")["data"] == made_up
    release.helm("rollback", NAME, "--wait", "--timeout", "5m")
    assert release.kube.get("deployment", f"{NAME}-worker")["spec"]["template"] == before


def test_the_database_is_restarted(release: Release, traffic: Traffic) -> None:
    release.kube("delete", "pod", f"{NAME}-postgres-0")
    release.rolled_out("postgres")
    release.reconnect()
    eventually(lambda: all(release.kube.ready_pods(one) for one in ("gateway", "worker")), "readiness again")


def test_redis_is_restarted(release: Release, traffic: Traffic) -> None:
    release.kill("redis")


def test_a_node_is_drained(release: Release, traffic: Traffic) -> None:
    """Of the pods that may not all go at once, some stay until there is another node for them (or this one is back).

    Where it is the only node, pods that another process starts meanwhile wait too, for half a minute at most.
    """
    node = release.kube.pods("gateway")[0]["spec"]["nodeName"]
    # the simulator is Meta and the customers, who are not in the cluster; postgres has a test of its own
    away = f"{SUITE}={release.kube.namespace},app.kubernetes.io/component notin (simulator,postgres)"
    options = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", f"--pod-selector={away}", "--timeout=20s")
    before = set(release.kube.ready_pods("gateway") + release.kube.ready_pods("worker"))
    try:
        release.kube("drain", node, *options)
    except CommandError as error:
        # on a cluster of one node the last pods have nowhere to go
        assert "disruption budget" in str(error) or "timed out" in str(error), error  # noqa: PT017 - one of two ways
        assert release.kube.ready_pods("gateway"), "the budget keeps a gateway for the webhooks"
    finally:
        release.kube("uncordon", node)
    release.rolled_out(*OURS)
    assert before - set(release.kube.ready_pods("gateway") + release.kube.ready_pods("worker")), "nobody had to go"
