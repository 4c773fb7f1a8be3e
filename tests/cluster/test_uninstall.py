"""A release goes; what must outlive it does, and the next one finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cluster import images
from tests.cluster.kube import eventually
from tests.cluster.release import NAME, Release


def test_data_and_definitions_outlive_a_release(new_namespace: Callable[[], Any]) -> None:
    with new_namespace() as kube:
        first = Release(kube, images.values() | {"gateway.replicas": 1, "worker.replicas": 1})
        try:
            first.install()
            first.open()
            first.say("Olá")
            first.answered()
            first.settle()
            [(messages,)] = first.sql("SELECT count(*) FROM message")
            first.helm("uninstall", NAME, "--wait", "--timeout", "3m")
        finally:
            first.close()
        eventually(lambda: not kube.items("pods"), "no pods")
        assert not kube.items(
            "deployments,services,networkpolicies,jobs,serviceaccounts", "-l", f"app.kubernetes.io/instance={NAME}"
        )
        assert {claim["metadata"]["name"] for claim in kube.items("pvc")} == {
            f"data-{NAME}-postgres-0",
            f"{NAME}-media",
        }
        assert kube.get("crd", "whatsappnumbers.whatsapp-agent.io")

        second = Release(kube, first.values)
        try:
            second.install()
            second.open()
            assert second.sql("SELECT count(*) FROM message") == [(messages,)]
            second.say("Olá de novo")
            second.answered()
        finally:
            second.close()
