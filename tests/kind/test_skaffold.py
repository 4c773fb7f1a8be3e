"""skaffold.yaml without skaffold: it fits the schema, and every command line that it leads to works."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests import kubetools
from tests.images.dockerfile import ROOT, copied_from_context, stages

SCHEMA = Path(os.environ.get("SKAFFOLD_SCHEMA", ROOT.parent / "shared/reference/skaffold-v4beta14.schema.json"))
PROFILES = ("", "dev", "keda", "licensed", "ci")
Json = dict[str, Any]
each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda name: name or "none")


def config(profile: str) -> Json:
    """The configuration with a profile's patches in it."""
    found: Json = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    profiles = {one["name"]: one for one in found["profiles"]}
    assert set(profiles) == set(PROFILES) - {""}
    for patch in profiles[profile]["patches"] if profile else ():
        _patch(found, patch)
    return found


def _patch(document: Any, patch: Json) -> None:
    """One JSON patch (RFC 6902) of the kinds that are used here."""
    *path, last = patch["path"].strip("/").split("/")
    for word in path:
        document = document[int(word) if isinstance(document, list) else word]
    if patch["op"] in ("remove", "replace"):
        assert last in document, f"{patch['path']} is not there"
    if patch["op"] == "remove":
        del document[last]
    else:
        document[last] = copy.deepcopy(patch["value"])


def filled(template: object, profile: str) -> object:
    """A value as skaffold's templates make it: images by name and tag, {{default "a" .B}} as a."""
    if not isinstance(template, str):
        return template
    for artifact in config(profile)["build"]["artifacts"]:
        name = re.sub(r"\W", "_", artifact["image"])
        template = template.replace(f"{{{{.IMAGE_REPO_{name}}}}}", artifact["image"])
        template = template.replace(f"{{{{.IMAGE_TAG_{name}}}}}", "tag-of-the-test")
    template = re.sub(r'\{\{default "([^"]*)" \.\w+\}\}', r"\1", template)
    assert "{{" not in template, template
    return template


@cache
def rendered(profile: str) -> list[Json]:
    """What `helm` makes of the release."""
    [release] = config(profile)["deploy"]["helm"]["releases"]
    values = release.get("setValues", {}) | release["setValueTemplates"]
    files = [word for path in release["valuesFiles"] for word in ("--values", ROOT / str(filled(path, profile)))]
    sets = [word for name, value in values.items() for word in ("--set", f"{name}={_word(filled(value, profile))}")]
    command = [kubetools.helm(), "template", release["name"], ROOT / release["chartPath"]]
    if profile == "keda":
        sets += ["--api-versions", "keda.sh/v1alpha1/ScaledObject"]
    done = subprocess.run(
        [*command, "--namespace", release["namespace"], *files, *sets], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def _word(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


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
            assert filled(artifact["docker"]["buildArgs"]["BASE_IMAGE"], profile) == stages(dockerfile)[0]["BASE_IMAGE"]


def test_what_is_synced_is_in_the_image() -> None:
    for artifact in config("dev")["build"]["artifacts"]:
        image = stages(ROOT / artifact["docker"]["dockerfile"])[1][-1]
        copied = copied_from_context(image)
        for rule in artifact["sync"]["manual"]:
            assert rule["dest"] == "/app", "files keep their path below /app"
            assert list(ROOT.glob(rule["src"])), rule["src"]
            folder = rule["src"].partition("/*")[0]
            assert any(folder == path or folder.startswith(f"{path}/") for path in copied), folder


@each_profile
def test_the_chart_takes_the_images_and_values(profile: str) -> None:
    images = {artifact["image"] for artifact in config(profile)["build"]["artifacts"]}
    deployments = named(profile, "Deployment").values()
    used = {one["image"] for d in deployments for one in d["spec"]["template"]["spec"]["containers"]}
    assert {f"{image}:tag-of-the-test" for image in images} <= used


def test_dev_makes_the_code_writable_and_keeps_the_root_read_only() -> None:
    for name in ("wa-gateway", "wa-worker", "wa-agent", "wa-simulator", "wa-operator"):
        [container] = named("dev", "Deployment")[name]["spec"]["template"]["spec"]["containers"]
        assert "/app" in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_what_is_forwarded_is_there() -> None:
    for forward in config("")["portForward"]:
        service = named("", "Service")[forward["resourceName"]]
        assert forward["port"] in {port["port"] for port in service["spec"]["ports"]}


def test_the_smoke_test_finds_what_it_mounts_and_is_let_through() -> None:
    job = yaml.safe_load((ROOT / "tests/kind/smoke-job.yaml").read_text())
    template = job["spec"]["template"]
    assert "wa-test" in named("", "ConfigMap")
    assert {"wa-postgres", "wa-channel"} <= set(named("", "Secret"))
    wanted = named("", "Pod")["wa-test"]["metadata"]["labels"]
    assert template["metadata"]["labels"].items() <= wanted.items()
    test = next(one for one in config("")["verify"] if one["name"] == "smoke")
    assert ROOT / test["executionMode"]["kubernetesCluster"]["jobManifestPath"]
    assert test["container"]["image"] in {artifact["image"] for artifact in config("")["build"]["artifacts"]}


@pytest.mark.parametrize(("context", "allowed"), [("kind-anything", True), ("production", False), ("", False)])
def test_only_kind_is_deployed_to(context: str, allowed: bool, tmp_path: Path) -> None:
    [hook] = config("")["deploy"]["helm"]["hooks"]["before"]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\necho '{context}'\n")
    kubectl.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        hook["host"]["command"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == allowed
    assert allowed or "kubectl config use-context" in done.stderr


def test_a_context_given_to_skaffold_counts_more_than_the_current_one() -> None:
    environment = {"PATH": "/usr/bin:/bin", "SKAFFOLD_KUBE_CONTEXT": "production"}
    done = subprocess.run(["sh", ROOT / "tests/kind/only-kind.sh"], env=environment, capture_output=True, check=False)
    assert done.returncode == 1
