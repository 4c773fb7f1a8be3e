"""The GitHub workflow: it calls make targets that exist, and actionlint has nothing to say."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.images.dockerfile import ROOT

WORKFLOW = ROOT / ".github/workflows/ci.yml"


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    called = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert called
    assert {command.removeprefix("make ") for command in called} <= targets


def test_every_action_is_pinned_by_its_commit_with_its_version() -> None:
    used = re.findall(r"(?m)uses: (.*)$", WORKFLOW.read_text())
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_what_is_started_is_stopped_when_something_failed_too() -> None:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["cluster"]["steps"]
    assert steps[-1] == {"if": "always()", "run": "make kind-down"}


def test_actionlint_has_nothing_to_say() -> None:
    actionlint = shutil.which("actionlint", path=str(ROOT / ".dev/bin")) or shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("actionlint is not here: `make actionlint` brings and runs it")
    checked = subprocess.run([actionlint, WORKFLOW], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
