"""Hundreds of templates at the operator's ordinary pace, within what Meta allows an ordinary account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.cluster.kube import eventually
from tests.cluster.operated import ACCOUNT, TEXT, Operated, declared_object, template_spec
from tests.cluster.release import Release


@pytest.fixture(scope="module")
def ordinary(installed: Release) -> Release:
    """The release with a fresh operator that may read the Secret `loja`; all else as the chart has it."""
    installed.install(operator__secretNames=["loja"])
    return installed


@pytest.fixture
def operated(ordinary: Release, release: Release) -> Iterator[Operated]:
    found = Operated(release)
    found.secret()
    yield found
    found.clean()


def test_500_templates_are_adopted_within_five_minutes(operated: Operated) -> None:
    names = [f"aviso-{number:03}" for number in range(500)]
    body = [{"type": "BODY", "text": TEXT}]
    same = {"language": "pt_BR", "category": "UTILITY", "components": body}
    operated.meta(
        "POST", "templates", account_id=ACCOUNT, templates=[{"name": n.replace("-", "_"), **same} for n in names]
    )
    operated.number()
    documents = yaml.safe_dump_all([declared_object("MessageTemplate", name, template_spec(name)) for name in names])
    operated.kube("create", "-f", "-", stdin=documents)

    def adopted() -> bool:
        return sum("Synced" in line for line in operated.kube("get", "wat", "--no-headers").splitlines()) == len(names)

    eventually(adopted, "500 adopted templates", patience=300, pause=2)
    calls = operated.release.http.get("/_sim/calls").json()["calls"]
    assert not [one for one in calls if one["method"] == "POST" and one["path"].endswith("/message_templates")]


def test_new_templates_come_at_the_rate_that_meta_allows(operated: Operated) -> None:
    operated.meta("PATCH", "settings", review={"creations_an_hour": 30, "seconds": 0})
    operated.number()
    names = [f"novo-{number:02}" for number in range(50)]
    operated.kube(
        "create",
        "-f",
        "-",
        stdin=yaml.safe_dump_all([declared_object("MessageTemplate", n, template_spec(n)) for n in names]),
    )

    def places() -> list[int]:
        return sorted(one["status"].get("queuePosition", 0) for one in operated.kube.items("wat") if "status" in one)

    eventually(lambda: places() == [0] * 30 + list(range(1, 21)), "30 created and 20 in the queue")
    operated.meta("POST", "clock", advance_seconds=3600)
    eventually(lambda: places() == [0] * 50, "all 50 created")
    assert len([one for name in names for one in operated.at_meta(name.replace("-", "_"))]) == 50
