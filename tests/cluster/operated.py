"""Custom resources in the namespace of a release, and Meta's side of them."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.cluster.kube import eventually
from tests.cluster.release import NAME, Release

Json = dict[str, Any]

NUMBER, ACCOUNT = "100000000000001", "200000000000002"
TEXT = "Olá {{1}}, o pedido {{2}} saiu para entrega hoje."


class Operated:
    """The release's namespace with custom resources in it, and Meta's side of them."""

    def __init__(self, release: Release) -> None:
        self.release, self.kube = release, release.kube

    def secret(self, **keys: str) -> None:
        credentials = {key: self.release.simulated(key) for key in ("access-token", "app-secret", "verify-token")}
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
        self.kube.apply(declared_object("WhatsAppNumber", name, declared))

    def template(self, name: str = "pedido-enviado", text: str = TEXT, **spec: Any) -> Json:
        found = declared_object("MessageTemplate", name, template_spec(name, text) | spec)
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
            # not kubectl's own wait: it looks at one object after the other, two minutes for 500 that are gone
            self.kube("delete", kind, "--all", "--wait=false")
            eventually(lambda kind=kind: not self.kube.items(kind), f"no {kind}", patience=300)


def template_spec(name: str, text: str = TEXT) -> Json:
    return {
        "numberRef": {"name": "loja"},
        "name": name.replace("-", "_"),
        "language": "pt_BR",
        "category": "UTILITY",
        "components": {"body": {"text": text}},
        "samples": {"body": {"1": "Maria", "2": "12345"}},
    }


def declared_object(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "whatsapp-agent.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
