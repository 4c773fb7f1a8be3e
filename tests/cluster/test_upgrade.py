"""`helm upgrade` from the last release, with data and while customers write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster import images
from tests.cluster.release import NAME, VALUES, Release, Traffic
from tests.gateway.store.release import unpack
from tests.images.dockerfile import PROGRAMS, ROOT

TAG = "last-release"


def test_an_upgrade_from_the_last_release_keeps_data_and_loses_no_message(
    new_namespace: Callable[[], Any], tmp_path: Path
) -> None:
    """Its images run until the new pods are ready: on the new schema, from the moment of its migrations on."""
    last = unpack(tmp_path)
    images.load(*(images.build(program, TAG, last) for program in PROGRAMS))
    try:
        with new_namespace() as kube:
            release = Release(kube, images.values())
            try:
                _install_last(release, last)
                release.open()
                release.say("Olá, me chamo Beatriz")
                release.answered()
                traffic = Traffic(release)
                with traffic.running():
                    release.install()
                release.settle()
                traffic.check()
                release.say("Qual é o meu nome?")
                assert "Beatriz" in release.answered(count=2)[1]
            finally:
                release.close()
    finally:
        for program in PROGRAMS:
            images.remove(program, TAG)


def _install_last(release: Release, last: Path) -> None:
    """Install the last release: its chart, its values for this suite, its images."""
    tags = {f"images.{program.name}.tag": TAG for program in PROGRAMS}
    values = last / VALUES.relative_to(ROOT)
    release.helm.upgrade(NAME, last / "charts/whatsapp-agent", values, extra=release.values | tags, options=())
