"""The suite against a real Kubernetes: opt in, build and load the images, one release for most tests.

`make cluster-test` sets CLUSTER_TESTS. KUBECONFIG names the cluster; IMAGE_LOAD and BASE_IMAGE say where images go
and come from. CLUSTER_TESTS_KEEP leaves the namespaces behind to look into.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import images
from tests.cluster.diagnosis import diagnosis
from tests.cluster.kube import CommandError, Kube
from tests.cluster.release import RESTRICTED, Release

HERE = Path(__file__).parent
HOW = "the cluster suite was not run: `make cluster-test` with KUBECONFIG (and IMAGE_LOAD, BASE_IMAGE) set runs it"

PREFIX = "CLUSTER_TESTS_PREFIX"  # environment variable: how the names of this run's namespaces begin, in each process
DEFINITIONS = pytest.StashKey[set[str]]()  # custom resource definitions that somebody else had brought
NAMESPACES = pytest.StashKey[list[str]]()  # those that are there
LEFT_BEHIND = pytest.StashKey[dict[str, str]]()  # what was seen in those that went because something failed


def _asked() -> bool:
    return bool(os.environ.get("CLUSTER_TESTS") and os.environ.get("KUBECONFIG"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are of the cluster, and run only where somebody asked for it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if not _asked():
                item.add_marker(pytest.mark.skip(reason=HOW))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look which custom resource definitions are there, before any of several processes brings them.

    pytest asks only where this folder is named on its command line, as the make targets do.
    """
    if _asked() and not hasattr(session.config, "workerinput"):
        os.environ[PREFIX] = f"wa-test-{uuid.uuid4().hex[:6]}"
        try:
            session.stash[DEFINITIONS] = _definitions()
        except CommandError as error:
            pytest.exit(f"The cluster in KUBECONFIG does not answer. {error}", returncode=2)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take away what is left when the last process is done: namespaces of one that died, then the definitions.

    Definitions that somebody else had brought stay.
    """
    if DEFINITIONS not in session.stash or os.environ.get("CLUSTER_TESTS_KEEP"):
        return
    try:
        for name in _names("namespaces"):
            if name.startswith(os.environ[PREFIX]):
                _remove(Kube(name))
        if new := _definitions() - session.stash[DEFINITIONS]:
            Kube("default")("delete", "crd", *new)
    except CommandError as error:
        session.config.get_terminal_writer().line(f"\nNot all could be taken away: {error}", red=True)


def _definitions() -> set[str]:
    return {name for name in _names("crd") if name.endswith(".whatsapp-agent.io")}


def _names(kind: str) -> list[str]:
    return [one["metadata"]["name"] for one in Kube("default").items(kind)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows what Kubernetes has to say about it."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment] # pytest's wrappers are typed as generators of None
    if report.failed:
        seen = item.session.stash.get(LEFT_BEHIND, {})
        seen |= {namespace: diagnosis(Kube(namespace)) for namespace in item.session.stash.get(NAMESPACES, [])}
        report.sections += [(f"namespace {namespace}", text) for namespace, text in seen.items()]
        seen.clear()
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session", autouse=True)
def built_images(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """The images of this checkout, on the nodes. Of several processes one brings them, and the others wait for it."""
    if worker_id == "master":
        images.load(*images.build_all(), *images.databases().values())
        return
    with (tmp_path_factory.getbasetemp().parent / "images").open("a") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        if not done.seek(0, os.SEEK_END):  # it may have been written since it was opened
            images.load(*images.build_all(), *images.databases().values())
            done.write("loaded")


@pytest.fixture(scope="session")
def new_namespace(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """`with new_namespace() as kube`: a namespace that admits only hardened pods, removed at the end."""
    known = request.session.stash.setdefault(NAMESPACES, [])
    left_behind = request.session.stash.setdefault(LEFT_BEHIND, {})

    @contextmanager
    def make() -> Iterator[Kube]:
        kube = Kube(f"{os.environ.get(PREFIX, 'wa-test')}-{uuid.uuid4().hex[:4]}")
        kube.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kube.namespace, "labels": RESTRICTED}}
        )
        known.append(kube.namespace)
        try:
            yield kube
        except BaseException:  # Ctrl-C and the end of a failed test too: what there was to see goes with the namespace
            left_behind[kube.namespace] = diagnosis(kube)
            raise
        finally:
            if not os.environ.get("CLUSTER_TESTS_KEEP"):
                known.remove(kube.namespace)
                _remove(kube)

    return make


def _remove(kube: Kube) -> None:
    kube("delete", "namespace", kube.namespace, "--wait=false")
    kube("delete", "pods", "--all", "--grace-period=1", "--wait=false")  # nobody waits for their last words
    kube("delete", "namespace", kube.namespace, "--ignore-not-found", "--timeout=180s", timeout=200)


@pytest.fixture(scope="session")
def installed(new_namespace: Callable[[], Any]) -> Iterator[Release]:
    """The release that most tests of a process share, as the last test that upgraded it left it."""
    with new_namespace() as kube:
        release = Release(kube, images.values())
        try:
            release.install()
            release.open()
            yield release
        finally:
            release.close()


@pytest.fixture
def release(installed: Release) -> Release:
    """The shared release, with a world that nobody wrote in yet."""
    installed.clear()
    return installed
