"""Declarations for tests of templates, and readings of them at Meta."""

from __future__ import annotations

from typing import Any

from tests.k8s.conftest import Harness, ResourceDriver

BODY = {"type": "BODY", "text": "Olá {{1}}, o pedido {{2}} saiu para entrega hoje."}
CHANGED = {"body": {"text": "Olá {{1}}, o seu pedido {{2}} chega amanhã."}}


def at_meta(simulator: Any, name: str = "pedido_enviado") -> dict[str, Any] | None:
    found: list[dict[str, Any]] = simulator.get("templates")["templates"]
    return next((one for one in found if one["name"] == name), None)


def review(simulator: Any, name: str = "pedido_enviado", **verdict: Any) -> None:
    found = at_meta(simulator, name)
    assert found is not None
    simulator.control.patch(f"/_sim/templates/{found['id']}", json=verdict).raise_for_status()


def calls(simulator: Any, method: str, path: str) -> int:
    made = simulator.get("calls")["calls"]
    return sum(one["method"] == method and one["path"].split("?")[0].endswith(path) for one in made)


def declared(operator: Harness) -> ResourceDriver:
    operator.number()
    return operator.template()
