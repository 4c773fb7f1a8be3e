"""The operator in its pod, with its own rights, between a real API server and the simulator's Cloud API."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.kube import CommandError, Kube, eventually
from tests.cluster.operated import TEXT, Json, Operated, declared_object, template_spec
from tests.cluster.release import NAME, Release

INVALID = Path(__file__).parents[1] / "k8s/cases/invalid.yaml"
RESYNC_SECONDS = 5
CALLS_AN_HOUR = 5000  # of an active account: with 200, looks so often would use them up in mid-suite


@pytest.fixture(scope="module")
def quick(installed: Release) -> Release:
    """The release with an operator that looks for drift often, and may read the Secret `loja`. It stays so: whoever
    needs another one says so.
    """
    env = {"META_CALLS_PER_HOUR": str(CALLS_AN_HOUR)}
    changes = {
        "operator__secretNames": ["loja"],
        "operator__resyncSeconds": RESYNC_SECONDS,
        "operator__pod": {"env": env},
    }
    installed.install(**changes)
    return installed


@pytest.fixture
def operated(quick: Release, release: Release) -> Iterator[Operated]:
    found = Operated(release)
    found.secret()
    found.meta("PATCH", "settings", usage={"calls_an_hour": CALLS_AN_HOUR})
    yield found
    found.meta("DELETE", "faults")
    found.clean()


def test_a_number_is_subscribed_published_and_ready(operated: Operated) -> None:
    url = f"http://{NAME}-gateway.{operated.kube.namespace}.svc:8000/webhook/whatsapp"
    operated.number(callback={"url": url}, agent={"departments": ["sales"]}, profile={"about": "Óculos e lentes"})
    operated.reaches("wan", "loja", "Ready", "Ready")
    accounts = operated.release.http.get("/_sim/accounts").json()
    assert accounts["accounts"][0]["override"] == url
    assert accounts["numbers"][0]["profile"]["about"] == "Óculos e lentes"
    assert operated.channel()["context"] == {"departments": ["sales"]}
    table = operated.kube("get", "wan")
    assert all(word in table for word in ("+55 11 3000-0000", "GREEN", "TIER_2K", "never", "Ready"))
    operated.kube("wait", "--for=condition=Ready", "wan/loja", "--timeout=10s")
    operated.number(callback={"url": url}, agent={"departments": ["orders"]}, suspend=True)
    operated.reaches("wan", "loja", "Ready", "Suspended")
    operated.clean()
    assert operated.channel() == {}


def test_a_template_is_created_approved_edited_and_rejected(operated: Operated) -> None:
    operated.number()
    operated.meta("PATCH", "settings", review={"verdict": "wait"})
    operated.template()
    operated.reaches("wat", "pedido-enviado", "Approved", "Pending")
    operated.kube("wait", "--for=condition=Ready", "wat/pedido-enviado", "--timeout=10s")
    review(operated, status="APPROVED")
    operated.reaches("wat", "pedido-enviado", "Approved", "Approved")
    operated.template(text=TEXT.replace("hoje", "amanhã"))
    eventually(lambda: "amanhã" in operated.at_meta()[0]["components"][0]["text"], "the edit")
    review(operated, status="REJECTED", reason="TAG_CONTENT_MISMATCH")
    operated.reaches("wat", "pedido-enviado", "Approved", "Rejected")
    assert "TAG_CONTENT_MISMATCH" in operated.kube("describe", "wat", "pedido-enviado")
    eventually(lambda: "Rejected" in operated.kube("get", "events"), "an Event about the rejection")


def review(operated: Operated, **verdict: Any) -> None:
    operated.meta("PATCH", f"templates/{operated.at_meta()[0]['id']}", **verdict)


def test_drift_at_metas_side_is_undone(operated: Operated) -> None:
    operated.number()
    operated.template()
    operated.reaches("wat", "pedido-enviado", "Approved", "Approved")
    eventually(lambda: "shown" in operated.kube.get("wat", "pedido-enviado")["status"]["applied"], "a look at the list")
    review(operated, components=[{"type": "BODY", "text": "Hackeado."}])
    eventually(lambda: operated.at_meta()[0]["components"][0]["text"] == TEXT, "the text as declared")


def test_of_two_that_declare_the_same_template_the_first_has_it(operated: Operated) -> None:
    operated.number()
    operated.template()
    operated.reaches("wat", "pedido-enviado", "Ready", "Ready")
    eventually(operated.at_meta, "the template")
    time.sleep(1)  # creation is told in whole seconds
    twin = template_spec("pedido-enviado") | {"deletionPolicy": "Delete"}
    operated.kube.apply(declared_object("MessageTemplate", "aaa", twin))
    operated.reaches("wat", "aaa", "Ready", "DeclaredTwice")
    operated.kube("delete", "wat", "aaa", "--timeout=60s")
    assert len(operated.at_meta()) == 1
    eventually(lambda: "LeftAtMeta" in operated.kube("get", "events"), "an Event about what was left")


def test_a_number_that_is_deleted_before_its_templates_waits_for_them(operated: Operated) -> None:
    """As with `kubectl delete -f` of a folder, where the Secret goes first."""
    operated.number()
    operated.template(deletionPolicy="Delete")
    eventually(operated.at_meta, "the template")
    for kind, name in (("secret", "loja"), ("wan", "loja"), ("wat", "pedido-enviado")):
        operated.kube("delete", kind, name, "--wait=false")
    eventually(lambda: not operated.kube.items("wan"), "the deletion of the number")
    assert operated.at_meta() == []


def test_a_rotated_secret_is_checked_and_published(operated: Operated) -> None:
    operated.number()
    operated.reaches("wan", "loja", "Ready", "Ready")
    operated.secret(access_token="wrong")
    operated.reaches("wan", "loja", "Ready", "TokenInvalid")
    assert operated.channel()["access_token"] == operated.release.simulated("access-token")
    operated.meta("PUT", "tokens/token-2")
    current = operated.release.simulated("app-secret")
    operated.secret(access_token="token-2", app_secret=f"new,{current}")
    operated.reaches("wan", "loja", "Ready", "Ready")
    assert operated.channel()["access_token"] == "token-2"
    assert operated.channel()["app_secrets"] == ["new", current]


def test_deletion_waits_for_meta(operated: Operated) -> None:
    operated.number()
    operated.template(deletionPolicy="Delete")
    operated.reaches("wat", "pedido-enviado", "Ready", "Ready")
    operated.meta("POST", "faults", on="management", kind="error", code=2, status=503, times=None)
    operated.kube("delete", "wat", "pedido-enviado", "--wait=false")
    operated.reaches("wat", "pedido-enviado", "Ready", "DeletionFailed")
    operated.meta("DELETE", "faults")
    eventually(lambda: not operated.kube.items("wat"), "the deletion")
    assert operated.at_meta() == []


def test_an_operator_that_is_killed_in_mid_reconcile_creates_nothing_twice(operated: Operated) -> None:
    operated.number()
    operated.reaches("wan", "loja", "Ready", "Ready")
    match = {"edge": "message_templates", "method": "POST"}
    fault = operated.meta("POST", "faults", on="management", kind="hold", match=match)["id"]
    operated.template()
    eventually(lambda: operated.release.http.get(f"/_sim/faults/{fault}").json()["waiting"], "the creation under way")
    operated.release.kill("operator")
    operated.meta("POST", f"faults/{fault}/release")
    operated.reaches("wat", "pedido-enviado", "Synced", "Synced")
    assert len(operated.at_meta()) == 1


@pytest.mark.parametrize("kind", ["WhatsAppNumber", "MessageTemplate"])
def test_invalid_objects_are_refused_with_a_sentence(operated: Operated, kind: str) -> None:
    block = yaml.safe_load(INVALID.read_text())[kind]
    kube = operated.kube
    assert "created" in kube("apply", "--dry-run=server", "-f", "-", stdin=_yaml(kind, block["good"]))
    for case in block["cases"]:
        assert case["says"] in refused(kube, kind, changed(block["good"], case["set"])), case
    kube("create", "-f", "-", stdin=_yaml(kind, block["good"]))
    for case in block["changes"]:
        assert case["says"] in refused(kube, kind, changed(block["good"], case["set"])), case


def refused(kube: Kube, kind: str, spec: Json) -> str:
    """Return the refusal of the API server; an empty text if it accepts the object."""
    try:
        kube("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=_yaml(kind, spec))
    except CommandError as error:
        return str(error)
    return ""


def _yaml(kind: str, spec: Json) -> str:
    return yaml.safe_dump(declared_object(kind, "case", spec))


def changed(good: Json, paths: Json) -> Json:
    spec = copy.deepcopy(good)
    for path, value in paths.items():
        *inner, last = path.split(".")
        place = spec
        for step in inner:
            place = place.setdefault(step, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return spec
