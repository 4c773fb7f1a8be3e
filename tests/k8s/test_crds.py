"""The custom resource definitions: explained, complete, and as the operator reads and writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from pydantic import BaseModel

from k8s import telemetry
from k8s.model.declared import Number, Template
from k8s.model.json_object import Json
from k8s.settings import Settings

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "k8s/crds").glob("*.yaml"))
DOCS = (ROOT / "docs/operator.md").read_text()
MODELS: dict[str, type[BaseModel]] = {"WhatsAppNumber": Number, "MessageTemplate": Template}


def definition(path: Path) -> Json:
    crd: Json = yaml.safe_load(path.read_text())
    return crd


def schema(path: Path) -> Json:
    found: Json = definition(path)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def fields(part: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    for name, inner in part.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from fields(inner, f"{path}.{name}")
    if isinstance(part.get("items"), dict):
        yield from fields(part["items"], f"{path}[]")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_kubectl_explain_has_words_for_every_field(path: Path) -> None:
    bare = [
        name
        for name, part in fields(schema(path))
        if name.startswith((".spec", ".status")) and not part.get("description")
    ]
    assert bare == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_operator_reads_every_field_of_the_spec_and_no_other(path: Path) -> None:
    crd = definition(path)
    model = MODELS[crd["spec"]["names"]["kind"]]
    known = {name for name, _ in fields(schema(path)["properties"]["spec"])}
    assert set(_names(model)) == known - {".components.further[].type"}  # the rest of that one is Meta's JSON


def _names(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, part in model.model_json_schema(by_alias=True)["properties"].items():
        yield f".{name}"
        yield from _inner(model.model_json_schema(by_alias=True), part, f".{name}")


def _inner(root: Json, part: Json, path: str) -> Iterator[str]:
    for option in [part, *part.get("anyOf", ()), *part.get("allOf", ())]:
        if "$ref" in option:
            target = root["$defs"][option["$ref"].rpartition("/")[2]]
            for name, inner in target.get("properties", {}).items():
                yield f"{path}.{name}"
                yield from _inner(root, inner, f"{path}.{name}")
        elif isinstance(option.get("items"), dict):
            yield from _inner(root, option["items"], f"{path}[]")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_fresh_object_waits_for_the_operator(path: Path) -> None:
    """kstatus reads this: helm --wait must not take an object for current that the operator has not read yet."""
    status = schema(path)["properties"]["status"]["default"]
    assert status["observedGeneration"] == -1
    assert (status["conditions"][0]["type"], status["conditions"][0]["status"]) == ("Ready", "Unknown")


@pytest.mark.parametrize("button", [{"type": "REQUEST_CONTACT_INFO"}, {"type": "OTP", "otpType": "COPY_CODE"}])
def test_a_button_whose_label_is_metas_own_may_be_declared(button: Json) -> None:
    crd = schema(ROOT / "k8s/crds/messagetemplates.yaml")
    for example in yaml.safe_load_all((ROOT / "k8s/examples/templates.yaml").read_text()):
        example["spec"]["components"]["buttons"] = [button]
        jsonschema.validate(example, crd)


@pytest.mark.parametrize("path", sorted((ROOT / "k8s/examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_are_valid(path: Path) -> None:
    schemas = {definition(file)["spec"]["names"]["kind"]: schema(file) for file in FILES}
    for example in yaml.safe_load_all(path.read_text()):
        if example["kind"] in schemas:
            jsonschema.validate(example, schemas[example["kind"]])
            MODELS[example["kind"]].model_validate(example["spec"])


def test_every_setting_metric_and_condition_is_documented() -> None:
    metrics = [one for one in vars(telemetry).values() if isinstance(one, Counter | Gauge | Histogram)]
    names = [one.describe()[0].name for one in metrics]
    names += [name.upper() for name in Settings.model_fields]
    names += [
        "Ready",
        "Stalled",
        "TokenValid",
        "Published",
        "Subscribed",
        "ProfileSynced",
        "Healthy",
        "VersionSupported",
    ]
    names += ["Synced", "Approved", "InReview", "EditLimit", "Outdated"]
    assert [name for name in names if name not in DOCS] == []
