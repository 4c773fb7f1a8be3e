"""The operator in its pod, with its own rights, between a real API server and the simulator's Cloud API."""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.kube import CommandError, Kube, eventually
from tests.cluster.release import NAME, Release

Json = dict[str, Any]

NUMBER, ACCOUNT = "100000000000001", "200000000000002"
INVALID = Path(__file__).parents[1] / "k8s/cases/invalid.yaml"
RESYNC_SECONDS = 5
CALLS_AN_HOUR = 5000  # of an active account: with 200, looks so often would use them up in mid-suite
TEXT = "Olá {{1}}, o pedido {{2}} saiu para entrega hoje."


class Operated:
    """The release's namespace with custom resources in it, and Meta's side of them."""

    def __init__(self, release: Release) -> None:
        self.release, self.kube = release, release.kube

    def secret(self, **keys: str) -> None:
        credentials = {
            "access-token": "simulator-token",
            "app-secret": "simulator-app-secret",
            "verify-token": "simulator-verify-token",
        }
        data = credentials | {name.replace("_", "-"): value for name, value in keys.items()}
        self.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "loja"}, "stringData": data})

    def number(self, name: str = "loja", **spec: Any) -> None:
        refs = {key: {"name": "loja", "key": key} for key in ("access-token", "app-secret", "verify-token")}
        credentials = {
            "accessToken": refs["access-token"],
            "appSecrets": [refs["app-secret"]],
            "verifyToken": refs["verify-token"],
        }
        declared = {"phoneNumberId": NUMBER, "businessAccountId": ACCOUNT, "credentials": credentials, **spec}
        self.kube.apply(_object("WhatsAppNumber", name, declared))

    def template(self, name: str = "pedido-enviado", text: str = TEXT, **spec: Any) -> Json:
        found = _object("MessageTemplate", name, template_spec(name, text) | spec)
        self.kube.apply(found)
        return found

    def conditions(self, kind: str, name: str) -> dict[str, str]:
        status = self.kube.get(kind, name).get("status", {})
        return {one["type"]: one["reason"] for one in status.get("conditions", ())}

    def reaches(self, kind: str, name: str, type_: str, reason: str) -> None:
        def reached() -> bool:
            return self.conditions(kind, name).get(type_) == reason

        eventually(reached, f"{kind} {name} with {type_}: {reason}")

    def at_meta(self, name: str = "pedido_enviado") -> list[Json]:
        found = self.release.http.get("/_sim/templates").json()["templates"]
        return [one for one in found if one["name"] == name]

    def meta(self, method: str, path: str, **body: Any) -> Json:
        answer = self.release.http.request(method, f"/_sim/{path}", json=body)
        assert answer.is_success, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    def channel(self) -> Json:
        data = self.kube.get("secret", f"{NAME}-operator-channels").get("data", {})
        channels = json.loads(base64.b64decode(data["channels.json"]))["channels"] if data else []
        return next((one for one in channels if one["phone_number_id"] == NUMBER), {})

    def clean(self) -> None:
        """Take all objects away; whatever Meta makes of it."""
        for kind in ("messagetemplates", "whatsappnumbers"):
            self.kube("delete", kind, "--all", "--wait=true", "--timeout=120s")


def template_spec(name: str, text: str = TEXT) -> Json:
    return {
        "numberRef": {"name": "loja"},
        "name": name.replace("-", "_"),
        "language": "pt_BR",
        "category": "UTILITY",
        "components": {"body": {"text": text}},
        "samples": {"body": {"1": "Maria", "2": "12345"}},
    }


def _object(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "whatsapp-agent.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def quick(installed: Release) -> Iterator[Release]:
    """The release with an operator that looks for drift often, and may read the Secret `loja`."""
    env = {"META_CALLS_PER_HOUR": str(CALLS_AN_HOUR)}
    changes = {
        "operator__secretNames": ["loja"],
        "operator__resyncSeconds": RESYNC_SECONDS,
        "operator__pod": {"env": env},
    }
    installed.install(**changes)
    yield installed
    installed.install()


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
    time.sleep(2 * RESYNC_SECONDS)  # so that the operator has seen how Meta shows it
    review(operated, components=[{"type": "BODY", "text": "Hackeado."}])
    eventually(lambda: operated.at_meta()[0]["components"][0]["text"] == TEXT, "the text as declared")


def test_a_rotated_secret_is_checked_and_published(operated: Operated) -> None:
    operated.number()
    operated.reaches("wan", "loja", "Ready", "Ready")
    operated.secret(access_token="wrong")
    operated.reaches("wan", "loja", "Ready", "TokenInvalid")
    assert operated.channel()["access_token"] == "simulator-token"
    operated.meta("PUT", "tokens/token-2")
    operated.secret(access_token="token-2", app_secret="new,simulator-app-secret")
    operated.reaches("wan", "loja", "Ready", "Ready")
    assert operated.channel()["access_token"] == "token-2"
    assert operated.channel()["app_secrets"] == ["new", "simulator-app-secret"]


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


def test_500_templates_are_adopted_within_five_minutes(operated: Operated) -> None:
    names = [f"aviso-{number:03}" for number in range(500)]
    body = [{"type": "BODY", "text": TEXT}]
    same = {"language": "pt_BR", "category": "UTILITY", "components": body}
    operated.meta(
        "POST", "templates", account_id=ACCOUNT, templates=[{"name": n.replace("-", "_"), **same} for n in names]
    )
    operated.number()
    documents = yaml.safe_dump_all([_object("MessageTemplate", name, template_spec(name)) for name in names])
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
        "create", "-f", "-", stdin=yaml.safe_dump_all([_object("MessageTemplate", n, template_spec(n)) for n in names])
    )

    def places() -> list[int]:
        return sorted(one["status"].get("queuePosition", 0) for one in operated.kube.items("wat") if "status" in one)

    eventually(lambda: places() == [0] * 30 + list(range(1, 21)), "30 created and 20 in the queue")
    operated.meta("POST", "clock", advance_seconds=3600)
    eventually(lambda: places() == [0] * 50, "all 50 created")
    assert len([one for name in names for one in operated.at_meta(name.replace("-", "_"))]) == 50


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
    """What the API server says of it; nothing when it takes it."""
    try:
        kube("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=_yaml(kind, spec))
    except CommandError as error:
        return str(error)
    return ""


def _yaml(kind: str, spec: Json) -> str:
    return yaml.safe_dump(_object(kind, "case", spec))


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
