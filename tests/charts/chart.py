"""The chart as the tests see it: scenarios in, objects out. One render takes about 0.1 s and is made once."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests import kubetools

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "whatsapp-agent"
SCENARIOS = {
    **{path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))},
    "production": CHART / "values-production.yaml",
}
POD_KINDS = ("Deployment", "StatefulSet", "Job", "CronJob", "Pod")
ENDING = ("Job/", "CronJob/", "Pod/")  # owners of pods that end by themselves


class RenderError(Exception):
    """Helm refused; the text is what it said."""


@functools.cache
def template(
    *arguments: str, helm: int = 4, kubernetes: str = "1.34", apis: tuple[str, ...] = (), release: str = "wa"
) -> str:
    """Return the output of `helm template`. Raises RenderError."""
    command = [str(kubetools.helm(helm)), "template", release, str(CHART), "--namespace", "shop", *arguments,
               "--kube-version", kubernetes, *(f"--api-versions={api}" for api in apis)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


@functools.cache
def render(*arguments: str, **options: Any) -> list[Object]:
    """The objects of a release; shared by all tests, so nobody changes them."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [one for one in yaml.load_all(template(*arguments, **options), loader) if one]


def scenario(name: str, *arguments: str, **options: Any) -> list[Object]:
    """The objects of a scenario of `ci/`."""
    return render("--values", str(SCENARIOS[name]), *arguments, **options)


def with_values(values: Mapping[str, Any], name: str = "demo", **options: Any) -> list[Object]:
    """The objects of a scenario with more values."""
    changes = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
    return scenario(name, *changes, **options)


def pods(objects: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    """Every pod template: name of its owner, metadata, spec."""
    for one in objects:
        if one["kind"] in POD_KINDS:
            template = pod_template(one)
            yield f"{one['kind']}/{one['metadata']['name']}", template["metadata"], template["spec"]


def pod_template(one: Object) -> Object:
    """The pod that an object makes or is."""
    if one["kind"] == "Pod":
        return one
    template: Object = (one["spec"]["jobTemplate"] if one["kind"] == "CronJob" else one)["spec"]["template"]
    return template


def containers(spec: Object) -> list[Object]:
    """All containers of a pod."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def pick(objects: list[Object], kind: str, component: str) -> Object:
    """The one object of that kind and component."""
    found = [one for one in objects if one["kind"] == kind and _component(one) == component]
    assert len(found) == 1, f"{len(found)} objects {kind} of {component}"
    return found[0]


def workload(objects: list[Object], component: str) -> Object:
    """The Deployment or StatefulSet of a component."""
    kinds = {one["kind"] for one in objects if _component(one) == component}
    return pick(objects, "StatefulSet" if "StatefulSet" in kinds else "Deployment", component)


def _component(one: Object) -> str | None:
    found: str | None = one["metadata"].get("labels", {}).get("app.kubernetes.io/component")
    return found


def console(objects: list[Object]) -> list[str]:
    """The component console, where the release has one."""
    labels = [one["metadata"]["labels"] for one in objects if one["kind"] == "Deployment"]
    return [name for one in labels if (name := str(one["app.kubernetes.io/component"])) == "console"]


def environment(objects: list[Object], component: str, kind: str | None = None) -> dict[str, Any]:
    """The variables of a component's main container: value, or valueFrom. kind: unless Deployment or StatefulSet."""
    found = pick(objects, kind, component) if kind else workload(objects, component)
    spec = pod_template(found)["spec"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in spec["containers"][0]["env"]}
