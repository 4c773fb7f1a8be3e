"""Documentation that cannot rot."""

import ast
import itertools
import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

import gateway.backup.settings
import gateway.console.settings
import gateway.runtime.telemetry
import gateway.settings
import graph.settings
import k8s.settings
import simulator.settings

ROOT = Path(__file__).parent.parent
MARKDOWN = [path for path in ROOT.rglob("*.md") if not {".venv", ".dev", "node_modules"} & set(path.parts)]


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    programs = (gateway.settings, graph.settings, k8s.settings, simulator.settings)
    classes = [*(program.Settings for program in programs), gateway.console.settings.ConsoleSettings]
    classes.append(gateway.backup.settings.DrillSettings)
    known = {name.upper() for one in classes for name in one.model_fields}
    listed = re.findall(r"^#([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(listed) == known
    assert len(listed) == len(set(listed))


def test_every_line_of_the_example_is_explained() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"^#[A-Z0-9_]+=", line):
            assert before.startswith("# "), line


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_tests_that_the_page_on_security_names_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    paths = re.findall(r"`(tests/[\w/.]+)`", text)
    names = re.findall(r"`(test_\w+\.py)`", text)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert [name for name in names if name not in there] == []


def metrics() -> set[str]:
    """The gateway's metrics, as Prometheus shows them."""
    every = [one for one in vars(gateway.runtime.telemetry).values() if isinstance(one, Counter | Gauge | Histogram)]
    return {f"{one.describe()[0].name}{'_total' if isinstance(one, Counter) else ''}" for one in every}


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/security.md", "docs/decisions/identity.md"])
def test_metrics_that_are_named_exist(page: str) -> None:
    named = set(re.findall(r"whatsapp_[a-z_]+", (ROOT / page).read_text()))
    assert named - metrics() <= {"whatsapp_business_messaging", "whatsapp_business_management"}


def test_every_metric_and_type_of_error_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert len(metrics()) > 20
    assert {name for name in metrics() if name not in page} == set()
    code = "\n".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    labels = set(re.findall(r'(?:ERRORS|DOUBTS|PROOFS)\.labels\("(\w+)"', code))
    assert {"given_up", "run_lost", "proven"} <= labels
    assert {label for label in labels if f"`{label}`" not in page} == set()


@pytest.mark.parametrize("program", ["gateway", "graph", "k8s", "simulator", "bench", "evals", "tests", "charts"])
def test_no_sentence_of_a_docstring_begins_with_who_or_what(program: str) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in (ROOT / program).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) or "" if isinstance(node, documented) else ""
            found = re.search(r"(?:^|[.:!?]\s+)(?:Who|What|Whoever)\b[^.?]*(?!\?)(?:\.|$)", text)
            assert not found, f"{path.relative_to(ROOT)}: {found and found[0]}"
