"""The company's texts in a cluster: published by the Job from a ConfigMap, searched by the agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cluster import images
from tests.cluster.kube import eventually
from tests.cluster.release import NAME, Release

TEXTS = '+++\nkind = "qa"\n+++\n## Vocês aceitam visita de escolas?\nSim, em {month}, com hora marcada.\n'
QUESTION = "Vocês aceitam visita de escolas?"
ONE_OF_EACH = {"gateway.replicas": 1, "worker.replicas": 1, "knowledge.enabled": True, "knowledge.configMap": "texts"}
HEALTH = """
import json, pathlib, sys, urllib.request as u
token = pathlib.Path("/run/whatsapp-agent/secrets/knowledge-token").read_text().strip()
asked = u.Request(f"http://{sys.argv[1]}-agents:2024/knowledge/sources", headers={"authorization": f"Bearer {token}"})
print(len(json.load(u.urlopen(asked, timeout=20))))
"""


def write(release: Release, month: str) -> None:
    release.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "texts", "namespace": release.kube.namespace},
            "data": {"perguntas.md": TEXTS.format(month=month)},
        }
    )


def test_texts_of_a_config_map_answer_customers_and_an_upgrade_publishes_their_change(
    new_namespace: Callable[[], Any],
) -> None:
    with new_namespace() as kube:
        release = Release(kube, images.values() | ONE_OF_EACH)
        try:
            write(release, "maio")
            release.install()
            release.open()
            release.say(QUESTION)
            assert "maio" in release.answered(count=1)[0]
            [console, *_] = kube.ready_pods("console")
            assert int(kube.python(console, HEALTH, NAME)) > 1  # the demo's texts too
            write(release, "junho")
            release.install()
            release.say(QUESTION)
            eventually(lambda: "junho" in release.replies()[-1], "an answer from the new text")
        finally:
            release.close()
