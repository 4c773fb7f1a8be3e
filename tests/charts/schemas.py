"""Strict schemas: of Kubernetes itself by version, and of custom resources from their definitions."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes_validate import utils
from referencing import Registry, Resource

VERSIONS = ("1.31", "1.34", "1.37")
CRDS_VARIABLE = "CLUSTER_CRDS"

Object = dict[str, Any]


def problems(one: Object, version: str) -> list[str]:
    """Return the faults of an object in that Kubernetes."""
    custom = _custom_kinds().get((one["apiVersion"], one["kind"]))
    validator = _custom(*custom) if custom else _core(version, one["apiVersion"], one["kind"])
    name = f"{one['kind']}/{one['metadata']['name']}"
    return [f"{name}: {error.json_path}: {error.message[:300]}" for error in validator.iter_errors(one)]


@functools.cache
def _core(version: str, api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    try:
        schema = utils.schema_contents(f"{folder}/{kind.lower()}-{group}.json", version)
    except FileNotFoundError:
        pytest.fail(f"Kubernetes {version} has no {kind} of {api_version}, and {CRDS_VARIABLE} does not define it.")
    return jsonschema.Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _definitions(version))


@functools.cache
def _definitions(version: str) -> Registry[Any]:
    contents = utils.schema_contents(f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json", version)
    return Resource.from_contents(contents) @ Registry()


def custom_resources_known() -> bool:
    """Whether definitions of other projects' resources are at hand."""
    return bool(os.environ.get(CRDS_VARIABLE))


@functools.cache
def _custom_kinds() -> dict[tuple[str, str], tuple[Path, str]]:
    """(apiVersion, kind) of every definition at hand: its file, and the version in it."""
    if not custom_resources_known():
        return {}
    found = {}
    for path, definition in _crds(Path(os.environ[CRDS_VARIABLE])):
        spec = definition["spec"]
        for version in spec["versions"]:
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = (path, version["name"])
    if not found:
        pytest.fail(f"{CRDS_VARIABLE} names a folder without CustomResourceDefinitions.")
    return found


def _crds(folder: Path) -> Iterator[tuple[Path, Object]]:
    for path in sorted(folder.glob("*.yaml")):
        yield path, yaml.safe_load(path.read_text())


@functools.cache
def _custom(path: Path, version: str) -> jsonschema.Draft202012Validator:
    definition = yaml.safe_load(path.read_text())
    schema = next(one for one in definition["spec"]["versions"] if one["name"] == version)["schema"]["openAPIV3Schema"]
    closed = _closed(schema)
    closed["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}
    return jsonschema.Draft202012Validator(closed)


def _closed(schema: Any) -> Any:
    """A structural schema as strict JSON schema: what it does not name is refused, as the API server would prune it."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _closed(value) for key, value in schema.items()}
    if made.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    properties = isinstance(made.get("properties"), dict) and made.get("type") == "object"
    if properties and "additionalProperties" not in made and not made.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    if made.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
