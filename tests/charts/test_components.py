"""Migrations, definitions, images, and a component's own settings."""

import hashlib
from pathlib import Path

import pytest
import yaml

from tests.charts import chart


def test_migrations_are_jobs_of_their_revision() -> None:
    names = {
        one["metadata"]["name"]
        for arguments in ((), ("--set", "images.gateway.tag=other"), ("--is-upgrade",))
        for one in chart.scenario("demo", *arguments)
        if one["kind"] == "Job" and "-migrate-" in one["metadata"]["name"]
    }
    assert len(names) == 2  # another image, another Job; rendered again, the same


@pytest.mark.parametrize("component", ["gateway", "worker", "console"])
def test_pods_wait_for_the_schema_that_they_need(component: str) -> None:
    """A rollout starts them before the Job is through, and in the old schema they would fail."""
    spec = chart.workload(chart.scenario("demo"), component)["spec"]["template"]["spec"]
    first = spec["initContainers"][0]
    assert first["args"] == ["migrate", "--wait"]
    assert first["image"] == spec["containers"][0]["image"]
    assert "DATABASE_URL_FILE" in {entry["name"] for entry in first["env"]}


@pytest.mark.parametrize(("name", "demo"), [("demo", True), ("first-try", False)])
def test_a_company_gets_no_rows_of_the_demo(name: str, demo: bool) -> None:
    jobs = [one for one in chart.scenario(name) if one["kind"] == "Job" and "-business-" in one["metadata"]["name"]]
    [command] = [container["command"] for one in jobs for container in one["spec"]["template"]["spec"]["containers"]]
    assert ("--demo" in command) == demo


def test_migrations_as_hooks_need_nothing_of_the_release() -> None:
    objects = chart.scenario("external")
    job = next(one for one in objects if one["kind"] == "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    spec = job["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "default"
    made = {one["metadata"]["name"] for one in objects if one["kind"] == "Secret"}
    sources = [
        source["secret"]["name"] for one in spec["volumes"] for source in one.get("projected", {}).get("sources", [])
    ]
    assert sources == ["postgres"]
    assert not made & set(sources)


def test_definitions_are_those_of_the_operator() -> None:
    objects = {
        one["metadata"]["name"]: one for one in chart.scenario("demo") if one["kind"] == "CustomResourceDefinition"
    }
    own = [yaml.safe_load(path.read_text()) for path in sorted((chart.ROOT / "k8s" / "crds").glob("*.yaml"))]
    assert len(own) == len(objects) == 2
    for one in own:
        assert objects[one["metadata"]["name"]]["spec"] == one["spec"]
    assert not [one for one in chart.scenario("minimal") if one["kind"] == "CustomResourceDefinition"]


def test_images_can_be_pinned_and_mirrored() -> None:
    objects = chart.scenario("everything")
    zeros, ones = "0" * 64, "1" * 64
    assert image(objects, "gateway") == f"registry.example.com/mirror/whatsapp-agent/gateway:1.2.3@sha256:{zeros}"
    assert image(objects, "agent") == f"registry.example.com/mirror/whatsapp-agent/agent:1.2.3@sha256:{ones}"
    assert image(chart.scenario("demo"), "redis") == "docker.io/valkey/valkey:8-bookworm"
    own = chart.with_values({"images.registry": "registry.example.com", "images.tag": "dev"})
    assert image(own, "operator") == "registry.example.com/whatsapp-agent/operator:dev"
    assert image(own, "redis") == "docker.io/valkey/valkey:8-bookworm"


@pytest.mark.parametrize("edition", ["demo", "licensed-dev"])
def test_every_image_that_runs_can_be_pinned_by_its_digest(edition: str) -> None:
    images = yaml.safe_load((chart.CHART / "values.yaml").read_text())["images"]
    names = [name for name, image in images.items() if isinstance(image, dict)]
    digests = {name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in names}
    objects = chart.with_values({f"images.{name}.digest": digest for name, digest in digests.items()}, edition)
    used = [one["image"] for *_, spec in chart.pods(objects) for one in chart.containers(spec)]
    assert len(used) >= 8
    assert {image.partition("@")[2] for image in used} <= set(digests.values())


@pytest.mark.parametrize(("tag", "written"), [("15", "15"), ("20261128", "20261128"), ("15.10", "15.10")])
def test_a_tag_may_look_like_a_number(tag: str, written: str, tmp_path: Path) -> None:
    own = chart.scenario("demo", "--set", f"images.postgres.tag={tag}", "--set", "images.tag=7")
    assert image(own, "postgres").endswith(f":{written}")
    assert image(own, "gateway").endswith(":7")
    values = tmp_path / "values.yaml"  # in a file a number is a float
    values.write_text(f"images: {{postgres: {{tag: {tag.partition('.')[0]}}}}}\n")
    own = chart.scenario("demo", "--values", str(values))
    assert image(own, "postgres").endswith(f":{tag.partition('.')[0]}")


def test_editions_use_their_own_images() -> None:
    assert "/agent-licensed:" in image(chart.scenario("licensed"), "agent")
    queue = chart.pick(chart.scenario("licensed"), "Deployment", "agent-queue")["spec"]["template"]["spec"]
    assert queue["containers"][0]["image"] == image(chart.scenario("licensed"), "agent")
    assert chart.environment(chart.scenario("licensed"), "agent")["N_JOBS_PER_WORKER"] == "0"
    assert chart.environment(chart.scenario("licensed"), "agent-queue")["N_JOBS_PER_WORKER"] == "50"


def image(objects: list[chart.Object], component: str) -> str:
    return str(chart.workload(objects, component)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_components_own_settings_count_more_than_those_for_all() -> None:
    objects = chart.scenario("everything")
    gateway = chart.environment(objects, "gateway")
    assert gateway["LOG_LEVEL"] == "debug"
    assert gateway["TZ"] == "America/Sao_Paulo"
    assert gateway["NODE_NAME"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert "WORK_PORT" not in gateway
    postgres = chart.pick(objects, "StatefulSet", "postgres")["spec"]["template"]["spec"]
    assert postgres["nodeSelector"] == {"kubernetes.io/arch": "amd64", "disk": "fast"}
    worker = chart.pick(objects, "Deployment", "worker")["spec"]["template"]["spec"]
    assert [one["name"] for one in worker["containers"]] == ["worker", "sidecar"]
    assert worker["affinity"].keys() == {"nodeAffinity", "podAffinity"}
