"""The plans for a template, in the cases of cases/templates.yaml."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml

from k8s.model import template_content
from k8s.model.actions import CreateTemplate, EditTemplate
from k8s.model.declared import Template
from k8s.model.json_object import Json
from k8s.model.observed import ObservedTemplate, Problem, RemoteTemplate
from k8s.templates.plan import status_after
from tests.k8s.support.cases import CASES, before, cases, check, made, planned


@pytest.mark.parametrize("case", cases("templates.yaml"))
def test_template(case: Json) -> None:
    template = Template.model_validate({k: v for k, v in {**case["base"], **case.get("declared", {})}.items() if v})
    observed = case.get("observed", {})
    remote = made(RemoteTemplate, observed.get("remote"))
    seen = ObservedTemplate(
        remote=remote,
        duplicate_of=observed.get("duplicate_of"),
        unread=made(Problem, observed.get("unread")),
        failure=made(Problem, observed.get("failure")),
        queue=tuple(observed["queue"]) if "queue" in observed else None,
    )
    status = before(case)
    status["applied"] = _marks(template, remote, status.get("applied", {}))
    plan = planned(template, seen, status, case["now"])
    check(plan, case["expect"])
    if "remembers" in case["expect"]:
        shown = template_content.remote_fingerprint(list(remote.components))
        assert plan.status["applied"].get("shown") == (shown if case["expect"]["remembers"] else None)


def _marks(template: Template, remote: RemoteTemplate | None, applied: Json) -> Json:
    """SAME: the fingerprint of what is declared, or of what Meta shows."""
    marks = after_creation(template)
    marks["refused"] = marks["declared"]
    if remote:
        marks["shown"] = template_content.remote_fingerprint(list(remote.components))
    return {key: marks.get(key, "gone") if value == "SAME" else value for key, value in applied.items()}


def after_creation(template: Template) -> Json:
    return dict(status_after(CreateTemplate(), template, {}, datetime.now(UTC))["applied"])


def test_an_accepted_edit_counts_only_while_the_template_is_approved() -> None:
    template = Template.model_validate(yaml.safe_load((CASES / "templates.yaml").read_text())["base"])
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert status_after(EditTemplate("5000", approved=True), template, {}, now)["edits"] == ["2026-11-23T12:00:00Z"]
    assert "edits" not in status_after(EditTemplate("5000", approved=False), template, {}, now)
