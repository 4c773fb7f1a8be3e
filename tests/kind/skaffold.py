"""skaffold.yaml as data: what it comes to with one of its profiles."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.images.dockerfile import ROOT

GUARD = "only-kind"
PROFILES = ("", "dev", "keda", "licensed", "ci")
Json = dict[str, Any]


def config(profile: str = "") -> Json:
    """The configuration with a profile's patches in it."""
    found: Json = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    profiles = {one["name"]: one for one in found["profiles"]}
    assert set(profiles) == set(PROFILES) - {""} | {GUARD}
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


def artifact(program: str) -> Json:
    """How the image of a program is built."""
    [found] = [one for one in config()["build"]["artifacts"] if one["image"].endswith(f"/{program}")]
    return dict(found)


def synced(artifact: Json) -> list[str]:
    """Where the artifact's image has the files that skaffold puts into running pods."""
    found = {(rule["dest"], path) for rule in artifact["sync"]["manual"] for path in ROOT.glob(rule["src"])}
    return sorted(f"{dest}/{path.relative_to(ROOT)}" for dest, path in found if in_an_image(path))


def in_an_image(path: Path) -> bool:
    """Whether it is a file that .dockerignore lets through."""
    return path.is_file() and "Dockerfile" not in path.name and "__pycache__" not in path.parts


def release(profile: str = "") -> Json:
    """The one helm release."""
    [found] = config(profile)["deploy"]["helm"]["releases"]
    return dict(found)


def helm_options(profile: str, tag: str) -> list[str]:
    """`--values` and `--set` of the release, with images of that tag."""
    found = release(profile)
    values = found["setValues"] | found["setValueTemplates"]
    files = [word for path in found["valuesFiles"] for word in ("--values", str(ROOT / filled(path, profile, tag)))]
    sets = [word for name, value in values.items() for word in ("--set", f"{name}={filled(value, profile, tag)}")]
    return files + sets


def filled(template: object, profile: str, tag: str) -> str:
    """A value as skaffold's templates make it: images by name and tag, {{default "a" .B}} as a."""
    if not isinstance(template, str):
        return json.dumps(template)
    for artifact in config(profile)["build"]["artifacts"]:
        name = re.sub(r"\W", "_", artifact["image"])
        template = template.replace(f"{{{{.IMAGE_REPO_{name}}}}}", artifact["image"])
        template = template.replace(f"{{{{.IMAGE_TAG_{name}}}}}", tag)
    template = re.sub(r'\{\{default "([^"]*)" \.\w+\}\}', r"\1", template)
    assert "{{" not in template, template
    return template
