"""How the objects of a release fit together, in every scenario."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.charts import chart

SCENARIOS = sorted(chart.SCENARIOS)
WORKLOADS = ("Deployment", "StatefulSet", "Job")
EVERYWHERE = {"gateway", "worker", "console", "agent", "operator"}
CONTAINER = "kubectl.kubernetes.io/default-container"
LABELS = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_objects_are_labelled_and_have_one_name_each(name: str) -> None:
    objects = chart.scenario(name)
    for one in objects:
        assert one["metadata"]["labels"].keys() >= LABELS, one["metadata"]["name"]
        namespaced = one["kind"] != "CustomResourceDefinition"
        assert one["metadata"].get("namespace") == ("shop" if namespaced else None), one["metadata"]["name"]
        assert len(one["metadata"]["name"]) <= 63 or not namespaced
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", SCENARIOS)
def test_selectors_select_their_own_pods_and_no_others(name: str) -> None:
    objects = chart.scenario(name)
    owners = dict(pod_labels(objects))
    for one in objects:
        if one["kind"] in ("Deployment", "StatefulSet"):
            own = f"{one['kind']}/{one['metadata']['name']}"
            selected = [owner for owner, labels in owners.items() if matches(one["spec"]["selector"], labels)]
            assert selected == [own]
        if one["kind"] == "Service":
            selected = [labels for labels in owners.values() if one["spec"]["selector"].items() <= labels.items()]
            assert len(selected) == 1, f"Service {one['metadata']['name']} selects {len(selected)}"
        if one["kind"] in ("PodDisruptionBudget", "NetworkPolicy"):
            selector = one["spec"].get("selector") or one["spec"]["podSelector"]
            assert any(matches(selector, labels) for labels in owners.values()), one["metadata"]["name"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_services_lead_to_ports_that_exist(name: str) -> None:
    objects = chart.scenario(name)
    ports = {
        metadata["labels"]["app.kubernetes.io/component"]: {
            port["name"] for port in spec["containers"][0].get("ports", [])
        }
        for _, metadata, spec in chart.pods(objects)
    }
    for service in (one for one in objects if one["kind"] == "Service"):
        there = ports[service["spec"]["selector"]["app.kubernetes.io/component"]]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in there
            assert port["protocol"] == "TCP"


def test_everything_that_has_metrics_is_scraped() -> None:
    for name, scraped in (("licensed", {*EVERYWHERE, "agent-queue"}), ("external", EVERYWHERE)):
        objects = chart.scenario(name)
        services = [one for one in objects if one["kind"] == "Service"]
        found = set()
        for monitor in (one for one in objects if one["kind"] == "ServiceMonitor"):
            (service,) = [one for one in services if matches(monitor["spec"]["selector"], one["metadata"]["labels"])]
            (endpoint,) = monitor["spec"]["endpoints"]
            assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
            found.add(service["metadata"]["labels"]["app.kubernetes.io/component"])
        assert found == scraped


@pytest.mark.parametrize("name", SCENARIOS)
def test_everything_that_is_referred_to_exists(name: str) -> None:
    """Or is named in the scenario's values, as something that the user brings."""
    objects = chart.scenario(name)
    brought = set(words(yaml.safe_load(chart.SCENARIOS[name].read_text())))
    there = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    for owner, kind, wanted, keys in references(objects):
        one = there.get((kind, wanted))
        if one is None and wanted.endswith("-restore"):
            continue  # people make it when they restore
        if one is None:
            assert wanted in brought, f"{owner} refers to {kind} {wanted}"
        elif kind in ("Secret", "ConfigMap") and not wanted.endswith("-operator-channels"):  # the operator fills it
            assert keys <= (one.get("data") or {}).keys(), f"{owner} refers to {keys} of {kind} {wanted}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_who_scales_is_one_and_the_same(name: str) -> None:
    """With replicas in the Deployment or StatefulSet too, each upgrade would undo what an autoscaler did."""
    objects = chart.scenario(name)
    scaled = [
        one["spec"]["scaleTargetRef"]["name"]
        for one in objects
        if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
    ]
    assert len(set(scaled)) == len(scaled)
    workloads = {one["metadata"]["name"]: one for one in objects if one["kind"] in ("Deployment", "StatefulSet")}
    assert set(scaled) <= workloads.keys()
    for name, one in workloads.items():
        assert ("replicas" in one["spec"]) is (name not in scaled), name


@pytest.mark.parametrize("name", SCENARIOS)
def test_secrets_that_the_chart_makes_hold_no_empty_value(name: str) -> None:
    for one in chart.scenario(name):
        if one["kind"] == "Secret":
            assert all((one.get("data") or {"": "-"}).values()), one["metadata"]["name"]


def test_annotations_and_labels_for_all_reach_all() -> None:
    for one in chart.scenario("everything"):
        assert one["metadata"]["labels"]["example.com/team"] == "care"
        assert one["metadata"]["annotations"]["example.com/owner"] == "care@example.com"


def test_labels_of_the_user_win_but_for_those_that_selectors_go_by() -> None:
    mine = {"app.kubernetes.io/part-of": "crm", "app.kubernetes.io/name": "mine"}
    made = chart.with_values({"commonLabels": mine, "pod.labels": mine, "pod.annotations": {CONTAINER: "sidecar"}})
    gateway = chart.pick(made, "Deployment", "gateway")
    for metadata in (gateway["metadata"], gateway["spec"]["template"]["metadata"]):
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "crm"
        assert metadata["labels"]["app.kubernetes.io/name"] == "whatsapp-agent"
    assert gateway["spec"]["template"]["metadata"]["annotations"][CONTAINER] == "sidecar"


def test_two_releases_in_one_namespace_share_no_name() -> None:
    names = [
        {(one["kind"], one["metadata"]["name"]) for one in chart.scenario("demo", release=release)}
        for release in ("one", "two")
    ]
    assert {kind for kind, _ in names[0] & names[1]} == {"CustomResourceDefinition"}


def pod_labels(objects: list[chart.Object]) -> Iterator[tuple[str, dict[str, str]]]:
    for owner, metadata, _ in chart.pods(objects):
        yield owner, metadata["labels"]


def matches(selector: chart.Object, labels: dict[str, str]) -> bool:
    assert selector.keys() == {"matchLabels"}
    return bool(selector["matchLabels"].items() <= labels.items())


def words(value: Any) -> Iterator[str]:
    """Every string in there."""
    if isinstance(value, dict):
        for one in value.values():
            yield from words(one)
    elif isinstance(value, list):
        for one in value:
            yield from words(one)
    elif isinstance(value, str):
        yield value


def references(objects: list[chart.Object]) -> Iterator[tuple[str, str, str, set[str]]]:
    """Yield each reference: the owner, the kind and name of the object, and the keys that are read from it."""
    for owner, _, spec in chart.pods(objects):
        if spec["serviceAccountName"] != "default":
            yield owner, "ServiceAccount", spec["serviceAccountName"], set()
        for volume in spec["volumes"]:
            yield from ((owner, *one) for one in of_volume(volume))
        for variable in (one for container in chart.containers(spec) for one in container.get("env", [])):
            if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield owner, "Secret", ref["name"], {ref["key"]}
    for one in objects:
        if one["kind"] != "CustomResourceDefinition":
            yield from ((f"{one['kind']}/{one['metadata']['name']}", *ref) for ref in of_object(one))


def of_volume(volume: chart.Object) -> Iterator[tuple[str, str, set[str]]]:
    for source in [volume, *volume.get("projected", {}).get("sources", [])]:
        for kind, field in (("Secret", "secret"), ("ConfigMap", "configMap")):
            if found := source.get(field):
                yield kind, found.get("secretName") or found["name"], {item["key"] for item in found.get("items", [])}
    if claim := volume.get("persistentVolumeClaim"):
        yield "PersistentVolumeClaim", claim["claimName"], set()


def of_object(one: chart.Object) -> Iterator[tuple[str, str, set[str]]]:
    """References of what has no pods: (kind, name, keys)."""
    spec = one.get("spec", {})
    for ref in found(one, "scaleTargetRef", "roleRef"):
        yield ref["kind"], ref["name"], set()
    for ref in found(spec, "authenticationRef"):
        yield "TriggerAuthentication", ref["name"], set()
    for ref in found(spec, "secretTargetRef"):
        yield "Secret", ref["name"], {ref["key"]}
    for ref in found(spec, "backendRefs", "service"):
        yield "Service", ref["name"], set()
    for subject in one.get("subjects", []):
        yield "ServiceAccount", subject["name"], set()
    if "serviceName" in spec:
        yield "Service", spec["serviceName"], set()


def found(value: Any, *keys: str) -> Iterator[chart.Object]:
    """Every object, or list's item, under one of these keys, wherever it is."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if key in keys:
            yield from part if isinstance(part, list) else [part]
        yield from found(part, *keys)
