"""skaffold.yaml without skaffold: it fits the schema, and every command line that it leads to works.

tests/cluster/test_skaffold.py does the same on a cluster.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests import kubetools
from tests.images.dockerfile import ROOT, copied_from_context, stages
from tests.kind.skaffold import GUARD, PROFILES, Json, config, filled, helm_options, in_an_image, release

SCHEMA = Path(os.environ.get("SKAFFOLD_SCHEMA", ROOT.parent / "shared/reference/skaffold-v4beta14.schema.json"))
TAG = "tag-of-the-test"
JOB = "tests/kind/smoke-job.yaml"
each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda name: name or "none")


@cache
def rendered(profile: str) -> list[Json]:
    """Return the objects that `helm` renders for the release."""
    found = release(profile)
    where = (found["name"], ROOT / found["chartPath"], "--namespace", found["namespace"])
    command = [kubetools.helm(), "template", *where, *helm_options(profile, TAG)]
    if profile == "keda":
        command += ["--api-versions", "keda.sh/v1alpha1/ScaledObject"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def named(profile: str, kind: str) -> dict[str, Json]:
    """Objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in rendered(profile) if one["kind"] == kind}


@each_profile
def test_it_fits_the_schema(profile: str) -> None:
    if not SCHEMA.exists():
        pytest.skip("skaffold's schema is not here: SKAFFOLD_SCHEMA names the file")
    jsonschema.validate(config(profile), json.loads(SCHEMA.read_text()))
    jsonschema.validate(yaml.safe_load((ROOT / "skaffold.yaml").read_text()), json.loads(SCHEMA.read_text()))


@each_profile
def test_every_build_has_its_dockerfile_and_argument(profile: str) -> None:
    for artifact in config(profile)["build"]["artifacts"]:
        dockerfile = ROOT / artifact["docker"]["dockerfile"]
        assert dockerfile.exists()
        if "licensed" not in artifact["image"]:
            assert set(artifact["docker"]["buildArgs"]) == {"BASE_IMAGE"}
            assert (
                filled(artifact["docker"]["buildArgs"]["BASE_IMAGE"], profile, TAG)
                == stages(dockerfile)[0]["BASE_IMAGE"]
            )


def test_what_is_synced_is_what_the_image_copies() -> None:
    """A file that no rule knows is built anew, and a Dockerfile has to be."""
    for artifact in config("dev")["build"]["artifacts"]:
        dockerfile = ROOT / artifact["docker"]["dockerfile"]
        rules = artifact["sync"]["manual"]
        assert {rule["dest"] for rule in rules} == {"/app"}, "files keep their path below /app"
        synced = {path for rule in rules for path in ROOT.glob(rule["src"])}
        copied = _files(copied_from_context(stages(dockerfile)[1][-1]))
        assert copied <= synced
        assert dockerfile not in synced


def _files(paths: list[str]) -> set[Path]:
    """Those that reach an image, of the paths and below them."""
    every = [one for path in paths for one in ((ROOT / path).rglob("*") if (ROOT / path).is_dir() else [ROOT / path])]
    return {one for one in every if in_an_image(one)}


@each_profile
def test_the_chart_takes_the_images_and_values(profile: str) -> None:
    images = {artifact["image"] for artifact in config(profile)["build"]["artifacts"]}
    workloads = [*named(profile, "Deployment").values(), *named(profile, "StatefulSet").values()]
    used = {one["image"] for d in workloads for one in d["spec"]["template"]["spec"]["containers"]}
    assert {f"{image}:{TAG}" for image in images} <= used


def test_dev_makes_the_code_writable_and_keeps_the_root_read_only() -> None:
    for name in ("wa-gateway", "wa-worker", "wa-console", "wa-agent", "wa-simulator", "wa-operator"):
        kind = "StatefulSet" if name == "wa-agent" else "Deployment"
        [container] = named("dev", kind)[name]["spec"]["template"]["spec"]["containers"]
        assert "/app" in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_what_is_forwarded_is_there() -> None:
    for forward in config()["portForward"]:
        service = named("", "Service")[forward["resourceName"]]
        assert forward["port"] in {port["port"] for port in service["spec"]["ports"]}


def test_the_doors_of_the_node_lead_to_the_release_and_leave_its_ports_free() -> None:
    doors = yaml.safe_load_all((ROOT / "tests/kind/ports.yaml").read_text())
    opened = {
        port["nodePort"]: (door["spec"]["selector"], port["targetPort"])
        for door in doors
        for port in door["spec"]["ports"]
    }
    [node] = yaml.safe_load((ROOT / "tests/kind/cluster.yaml").read_text())["nodes"]
    mappings = node["extraPortMappings"]
    assert {mapping["containerPort"] for mapping in mappings} == set(opened)
    assert not {mapping["hostPort"] for mapping in mappings} & {one["localPort"] for one in config()["portForward"]}
    for selector, port in opened.values():
        [template] = [
            one["spec"]["template"]
            for one in named("", "Deployment").values()
            if selector.items() <= one["metadata"]["labels"].items()
        ]
        assert port in {one["name"] for one in template["spec"]["containers"][0]["ports"]}


def test_the_smoke_test_finds_what_it_mounts_and_is_let_through() -> None:
    job = yaml.safe_load((ROOT / JOB).read_text())
    template = job["spec"]["template"]
    assert "wa-test" in named("", "ConfigMap")
    assert {"wa-postgres", "wa-simulator"} <= set(named("", "Secret"))
    wanted = named("", "Pod")["wa-test"]["metadata"]["labels"]
    assert template["metadata"]["labels"].items() <= wanted.items()
    test = next(one for one in config()["verify"] if one["name"] == "smoke")
    assert test["executionMode"]["kubernetesCluster"]["jobManifestPath"] == JOB
    assert test["container"]["image"] in {artifact["image"] for artifact in config()["build"]["artifacts"]}


@pytest.mark.parametrize(
    ("context", "command", "refused"),
    [
        ("kind-anything", "dev", False),
        ("production", "dev", True),
        ("mankind-1", "run", True),
        ("", "delete", True),
        ("production", "build", False),
        ("production", "render", False),
    ],
)
def test_only_kind_is_touched(context: str, command: str, refused: bool) -> None:
    """skaffold takes these for regular expressions, "!" for "not", and a patch that fails for the end of it all."""
    guard = next(one for one in config()["profiles"] if one["name"] == GUARD)
    [activation] = guard["activation"]
    elsewhere = not re.search(activation["kubeContext"].removeprefix("!"), context)
    assert activation["kubeContext"].startswith("!")
    assert (elsewhere and bool(re.search(activation["command"], command))) == refused
    [patch] = guard["patches"]
    assert patch["op"] == "remove"
    assert patch["path"].strip("/") not in config()
    assert "kubectl config use-context" in patch["path"]
