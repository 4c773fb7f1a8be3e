"""The backups of the chart, a drill, and the restore by the runbook (docs/backup.md), word for word."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.backup import encryption
from tests import kubetools
from tests.cluster import images
from tests.cluster.kube import Kube, eventually
from tests.cluster.release import CHART, NAME, Release
from tests.images.dockerfile import ROOT

BEFORE, UNDER_WAY, ERASED = "5511900000711", "5511900000712", "5511900000713"
SECONDS = 240
METRIC = 'whatsapp_backup_timestamp_seconds{kind="drill"}'
ASK = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8001/metrics", timeout=5).read().decode())
"""


class Operator:
    """A person with the runbook, a terminal, and the file with the private key."""

    def __init__(self, kube: Kube, folder: Path) -> None:
        self._folder = folder
        kubectl = folder / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec {kubetools.kubectl()} --namespace {kube.namespace} "$@"\n')
        kubectl.chmod(0o755)
        private, self.public = encryption.new_identity()
        (folder / "backup-key.txt").write_text(private)

    def types(self, command: str) -> str:
        """Run a command of the runbook as it is written, and return what it prints."""
        done = subprocess.run(
            ["sh", "-c", command], cwd=self._folder, capture_output=True, text=True, check=False, timeout=SECONDS,
            env={"PATH": f"{self._folder}:/usr/bin:/bin", "NAME": NAME, **_home()},
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def _home() -> dict[str, str]:
    return {name: os.environ[name] for name in ("KUBECONFIG", "HOME") if name in os.environ}


def _commands() -> tuple[list[str], list[str]]:
    """Return the commands of the runbook: a backup now, and the restore."""
    text = (ROOT / "docs" / "backup.md").read_text().partition("## On Kubernetes")[2].partition("\n## ")[0]
    backup, *restore = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in restore for line in block.strip().splitlines()]
    return [line.strip() for line in backup.strip().splitlines()], lines


@pytest.fixture(scope="module")
def backed_up(
    new_namespace: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Release, Operator]]:
    with new_namespace() as kube:
        person = Operator(kube, tmp_path_factory.mktemp("operator"))
        person.types("kubectl create secret generic drill-key --from-file=key=backup-key.txt")
        values = images.values() | {
            "gateway.replicas": 1, "worker.replicas": 1, "console.enabled": False,
            "backup": {
                "enabled": True, "recipient": person.public, "scratch": "2Gi",
                "persistence": {"size": "1Gi"},
                "drill": {"enabled": True, "existingSecret": "drill-key"},
            },
        }  # fmt: skip
        release = Release(kube, values)
        try:
            release.install()
            release.open()
            yield release, person
        finally:
            release.close()


def test_after_the_runbook_conversations_go_on_and_nobody_is_answered_twice(
    backed_up: tuple[Release, Operator],
) -> None:
    release, person = backed_up
    backup, restore = _commands()
    release.say("Olá, meu nome é Clara", BEFORE)
    release.say("Olá", ERASED)
    release.answered(BEFORE)
    release.answered(ERASED)
    fault = release.fault(on="model", kind="hold", times=1)
    release.say("Olá", UNDER_WAY)
    release.held(fault)
    for command in backup:
        person.types(command)
    release.release(fault)
    release.answered(UNDER_WAY)
    _erase(release)
    answered = {one: len(release.replies(one)) for one in (BEFORE, UNDER_WAY)}

    _lose_the_database(release)
    for command in restore:
        person.types(command)
    release.rolled_out("gateway", "agent", "worker")
    release.reconnect()

    assert release.sql("SELECT value FROM contact_key WHERE value = %s", ERASED) == []
    waiting = release.sql(
        """SELECT k.value FROM conversation c JOIN contact_key k USING (contact_id)
           WHERE c.state = 'waiting' AND c.handoff_reason LIKE 'Recuperada%' AND k.kind = 'wa_id'"""
    )
    assert waiting == [(UNDER_WAY,)]
    assert {one: len(release.replies(one)) for one in (BEFORE, UNDER_WAY)} == answered == {BEFORE: 1, UNDER_WAY: 1}
    release.say("Qual é o meu nome?", BEFORE)
    assert "Clara" in release.answered(BEFORE, 2)[-1]
    assert len(release.replies(UNDER_WAY)) == 1

    # The drill replays the tombstones too, and only its success is noted where `work` looks.
    said = _drill(person)
    assert "erased people erased again: 1" in said
    eventually(lambda: _drilled(release), "the time of the drill among the metrics of work")


def _erase(release: Release) -> None:
    [(contact,)] = release.sql("SELECT contact_id FROM contact_key WHERE value = %s AND until IS NULL LIMIT 1", ERASED)
    release.sql("INSERT INTO data_request (kind, contact_id, asked_by) VALUES ('erase', %s, 'command')", contact)
    eventually(lambda: release.sql("SELECT 1 FROM data_request WHERE state = 'done'"), "the erasure")


def _lose_the_database(release: Release) -> None:
    kube = release.kube
    kube("scale", release.component("postgres"), "--replicas=0")
    kube("wait", "--for=delete", f"pod/{NAME}-postgres-0", "--timeout=120s")
    claim = f"data-{NAME}-postgres-0"
    volume = kube.get("pvc", claim)["spec"]["volumeName"]
    kube("delete", "pvc", claim)
    kube("wait", "--for=delete", f"pv/{volume}", "--timeout=120s")
    kube("scale", release.component("postgres"), "--replicas=1")
    release.rolled_out("postgres")


def _drill(person: Operator) -> str:
    person.types("kubectl create job --from=cronjob/$NAME-drill $NAME-drill-now")
    person.types("kubectl wait --for=condition=complete --timeout=3m job/$NAME-drill-now")
    return person.types("kubectl logs job/$NAME-drill-now -c drill")


def _drilled(release: Release) -> bool:
    [pod] = release.kube.ready_pods("worker")
    values = [line.split()[1] for line in release.kube.python(pod, ASK).splitlines() if line.startswith(METRIC)]
    return values != [] and float(values[0]) > 0


def test_the_api_server_takes_what_the_operator_of_postgres_is_told(backed_up: tuple[Release, Operator]) -> None:
    """The operator (CloudNativePG) is not there: its definitions validate the objects, and nothing acts on them."""
    release, _ = backed_up
    if "clusters.postgresql.cnpg.io" not in release.kube("get", "crd", "-o", "name"):
        pytest.skip("the cluster has no definitions of CloudNativePG")
    values = CHART / "ci" / "cnpg-values.yaml"
    made = release.helm("template", "shop", CHART, "--values", values, "--show-only", "templates/cnpg.yaml")
    said = release.kube("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=made)
    assert "cluster.postgresql.cnpg.io/shop-2 serverside-applied" in said
    assert "scheduledbackup.postgresql.cnpg.io/" in said
