"""The work of skaffold in a cluster, without skaffold: the command lines of `skaffold dev` and `skaffold verify`."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import images
from tests.cluster.kube import HELM_OPTIONS, Helm, Kube, eventually
from tests.cluster.release import CHART, NAME
from tests.images.dockerfile import ROOT
from tests.kind.skaffold import PROFILES, config, helm_options

CHANGE = "\nprint('this file was changed', flush=True)\n"


@pytest.fixture(scope="module")
def dev(new_namespace: Callable[[], Any]) -> Iterator[Kube]:
    """The release as the profile `dev` installs it."""
    with new_namespace() as kube:
        upgrade(kube, "dev", *HELM_OPTIONS)
        yield kube


def upgrade(kube: Kube, profile: str, *more: str) -> str:
    """Call what `skaffold run` calls with a profile, with the images under test; return its output."""
    options = helm_options(profile, images.TAG)
    for name, value in images.values().items():
        options += ["--set-json", f"{name}={json.dumps(value)}"]
    return Helm(kube.namespace)("upgrade", "--install", NAME, CHART, *options, *more)


@pytest.mark.parametrize("profile", sorted({*PROFILES} - {"dev"}), ids=lambda name: name or "none")
def test_the_api_server_would_take_what_the_other_profiles_install(dev: Kube, profile: str) -> None:
    if profile == "keda" and not dev.has_api("v1beta1.external.metrics.k8s.io"):
        pytest.skip("this cluster has no KEDA")
    assert "STATUS: pending-upgrade" in upgrade(dev, profile, "--take-ownership", "--dry-run=server")


def sync(kube: Kube, pod: str, path: str, content: str) -> None:
    """Put a file below /app as skaffold does."""
    archive, data = io.BytesIO(), content.encode()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(f"app/{path}")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    extract = ("tar", "xmf", "-", "-C", "/", "--no-same-owner")
    kube("exec", "-i", pod, "--", *extract, stdin=archive.getvalue().decode())


@pytest.mark.parametrize(
    ("component", "package"),
    [
        ("gateway", "gateway"),
        ("worker", "gateway"),
        ("console", "gateway"),
        ("agent", "graph"),
        ("operator", "k8s"),
        ("simulator", "simulator"),
    ],
)
def test_a_changed_file_is_loaded_in_the_running_pod(dev: Kube, component: str, package: str) -> None:
    [pod] = dev.ready_pods(component)
    path = f"{package}/__init__.py"
    sync(dev, pod, path, (ROOT / path).read_text() + CHANGE)
    eventually(lambda: "this file was changed" in dev("logs", pod), "the program, started again")
    eventually(lambda: dev.ready_pods(component) == [pod], "the same pod, ready")
    [status] = dev.get("pod", pod)["status"]["containerStatuses"]
    assert status["restartCount"] == 0


def test_verify_passes(dev: Kube) -> None:
    [test] = config()["verify"]
    job = yaml.safe_load((ROOT / test["executionMode"]["kubernetesCluster"]["jobManifestPath"]).read_text())
    [container] = job["spec"]["template"]["spec"]["containers"]
    container |= test["container"] | {"image": f"{test['container']['image']}:{images.TAG}"}
    del job["metadata"]["namespace"]
    dev.apply(job)
    status = eventually(lambda: dev.get("job", "smoke")["status"].get("conditions"), "the end of the job")
    assert "Complete" in {one["type"] for one in status}, dev("logs", "job/smoke")
