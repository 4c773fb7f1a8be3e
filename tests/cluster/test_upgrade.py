"""`helm upgrade` from the last release, with data and while customers write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import images
from tests.cluster.release import NAME, VALUES, Release, Traffic
from tests.gateway.store.release import unpack
from tests.images.dockerfile import PROGRAMS, ROOT

TAG = "last-release"
#: Today's also before the upgrade, since the tests speak its interface. It stays, since its world is in memory.
SIMULATOR = "simulator"
UPGRADED = [program for program in PROGRAMS if program.name != SIMULATOR]


@pytest.fixture(scope="module")
def last_release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of the last release; its images are built from them, and on the nodes."""
    last = unpack(tmp_path_factory.mktemp(TAG))
    images.load(*(images.build(program, TAG, last) for program in UPGRADED))
    yield last
    for program in UPGRADED:
        images.remove(program, TAG)


def test_an_upgrade_from_the_last_release_keeps_data_and_loses_no_message(
    new_namespace: Callable[[], Any], last_release: Path
) -> None:
    """Pods of the last release work until the new ones are ready: on the new schema, from its migrations on."""
    with new_namespace() as kube:
        release = Release(kube, images.values())
        try:
            _install(release, last_release)
            release.open()
            release.say("Olá, me chamo Beatriz")
            release.answered()
            kube("rollout", "pause", release.component(SIMULATOR))
            traffic = Traffic(release)
            with traffic.running():
                release.install("--wait=hookOnly")  # a paused Deployment is never up to date
                release.rolled_out("postgres", "agent", "gateway", "worker", "console")
            release.reconnect()
            release.settle()
            traffic.check()
            release.say("Qual é o meu nome?")
            assert "Beatriz" in release.answered(count=2)[1]
            assert _is_upgraded(release)
        finally:
            release.close()


def _install(release: Release, last: Path) -> None:
    """Install the last release: its chart, its values for this suite, its images."""
    tags = {f"images.{program.name}.tag": TAG for program in UPGRADED}
    values = last / VALUES.relative_to(ROOT)
    release.helm.upgrade(NAME, last / "charts/whatsapp-agent", values, extra=release.values | tags, options=())


def _is_upgraded(release: Release) -> bool:
    """Return whether the newest migration of this checkout was applied."""
    newest = max(path.stem for path in (ROOT / "gateway/store/migrations").glob("*.sql"))
    return bool(release.sql("SELECT 1 FROM _yoyo_migration WHERE migration_id = %s", newest))
