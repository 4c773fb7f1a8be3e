"""A conversation through Services and pods, and what the release says about itself."""

from __future__ import annotations

import json

from tests.cluster.release import NAME, Release

ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"


def test_a_customer_is_answered_with_facts_from_the_database(release: Release) -> None:
    release.say("Onde está o meu pedido 12345?")
    [reply] = release.answered()
    assert "Em separação" in reply
    release.settle()


def test_the_conversation_is_remembered_after_the_agent_server_was_replaced(release: Release) -> None:
    release.say("Olá, me chamo Beatriz")
    release.answered(count=1)
    release.settle()
    release.kill("agent")
    release.say("Qual é o meu nome?")
    assert "Beatriz" in release.answered(count=2)[1]
    release.settle()


def test_every_pod_uses_its_own_database_role(release: Release) -> None:
    used = release.sql(
        """SELECT DISTINCT usename FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"""
    )
    assert sorted(used) == [("wa_agent",), ("wa_console",), ("wa_gateway",)]


def test_helm_test_passes(release: Release) -> None:
    assert "Phase:          Succeeded" in release.helm("test", NAME, "--logs")


def test_every_part_says_that_it_is_well(release: Release) -> None:
    for component, port in (("gateway", 8003), ("worker", 8001), ("console", 8004)):
        for pod in release.kube.ready_pods(component):
            health = json.loads(release.kube.python(pod, ASK, f"http://127.0.0.1:{port}/health"))
            assert set(health["parts"].values()) == {"ok"}, (pod, health)


def test_every_pod_is_restricted_and_owns_no_credentials(release: Release) -> None:
    """The namespace admits nothing else; this also holds for what is not admitted by a namespace: tokens."""
    pods = release.kube.items("pods", "-l", f"app.kubernetes.io/instance={NAME}")
    assert pods
    for pod in pods:
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        assert bool(pod["spec"].get("automountServiceAccountToken")) == (component == "operator"), component
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
