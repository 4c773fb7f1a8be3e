"""Documentation that cannot rot."""

import itertools
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import gateway.settings
import graph.settings
import k8s.settings
import simulator.settings

ROOT = Path(__file__).parent.parent
MARKDOWN = [path for path in ROOT.rglob("*.md") if not {".venv", ".dev", "node_modules"} & set(path.parts)]


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    programs = (gateway.settings, graph.settings, k8s.settings, simulator.settings)
    known = {name.upper() for program in programs for name in program.Settings.model_fields}
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


def test_metrics_named_in_the_readme_exist() -> None:
    import gateway.telemetry  # noqa: F401  # registers them

    names = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    names |= {metric.name for metric in REGISTRY.collect()} | {f"{metric.name}_total" for metric in REGISTRY.collect()}
    for name in re.findall(r"whatsapp_[a-z_]+", (ROOT / "README.md").read_text()):
        if name not in ("whatsapp_business_messaging", "whatsapp_business_management"):
            assert name in names, name
