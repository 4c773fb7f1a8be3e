"""checkov over every scenario: each finding is fixed, or explained here.

It needs an environment of its own (its dependencies are older than ours): `make chart-scan` makes one and runs this.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.charts import chart

CHECKOV = "CHECKOV"
OURS = "a value of the user's; by default images are pinned by tag, and ci/everything shows digests"
# Finding: which components have it ("*": all), and why it stays.
EXPLAINED = {
    "CKV_K8S_11": ("*", "no CPU limits: throttling costs webhooks their seconds, requests share the CPU fairly"),
    "CKV_K8S_15": ("*", "IfNotPresent: tags are versions, and nodes without the registry at hand still start pods"),
    "CKV_K8S_43": ("*", f"digest: {OURS}"),
    "CKV_K8S_40": ("postgres redis", "the official images of Postgres and Valkey know the user 999"),
    "CKV_K8S_38": ("operator", "it speaks to the API server, that is what it is for"),
    "CKV_K8S_35": ("agent agent-queue", "LangChain's server reads addresses and licence from its environment alone"),
    "CKV_K8S_8": ("test", "a pod that ends by itself"),
    "CKV_K8S_9": ("test", "a pod that ends by itself"),
}


@pytest.mark.skipif(CHECKOV not in os.environ, reason="checkov was not run: `make chart-scan` runs it")
def test_every_finding_is_explained(tmp_path: Path) -> None:
    for name in chart.SCENARIOS:
        (tmp_path / f"{name}.yaml").write_text(chart.template("--values", str(chart.SCENARIOS[name])))
    report = scan(tmp_path)
    assert report["summary"]["passed"] > 1000
    assert report["summary"]["parsing_errors"] == 0
    failed = {(one["check_id"], one["check_name"], component(one)) for one in report["results"]["failed_checks"]}
    assert {one for one in failed if not explained(one[0], one[2])} == set()
    assert EXPLAINED.keys() - {check for check, _, _ in failed} == set(), "explained, but not found any more"


def explained(check: str, of: str) -> bool:
    components, _ = EXPLAINED.get(check, ("", ""))
    return components == "*" or of in components.split()


def component(finding: dict[str, Any]) -> str:
    """The component that a finding is about, by the names of its object: Kind.namespace.name."""
    name = finding["resource"].split(".", 2)[2].split(" ")[0]
    for prefix in ("wa-whatsapp-agent-", "a-very-long-name-for-a-release-that-has-"):
        name = name.removeprefix(prefix)
    return str(name)


def scan(folder: Path) -> dict[str, Any]:
    command = [os.environ[CHECKOV], "--directory", str(folder), "--framework", "kubernetes", "--skip-download",
               "--compact", "--quiet", "--output", "json"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    report = json.loads(done.stdout)
    assert isinstance(report, dict), done.stderr
    return report
