"""The built images: size, user, what is in them and what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cluster import images
from tests.images.dockerfile import PROGRAMS, ROOT, Program
from tests.kind import skaffold

MOST_MEGABYTES = {"gateway": 200, "operator": 200, "agent": 350, "simulator": 350}  # over the base
each = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


@each
def test_it_adds_little_to_its_base(program: Program) -> None:
    added = images.megabytes(images.name_of(program)) - images.megabytes(images.base_image())
    assert added <= MOST_MEGABYTES[program.name]


@each
def test_it_runs_as_nobody_in_particular(program: Program) -> None:
    config = images.config(images.name_of(program))
    assert config["User"] == "65532:65532"
    assert config["Healthcheck"]
    who = images.in_image(
        images.name_of(program), "python", "-c", "import getpass, os; print(os.getuid(), getpass.getuser())"
    )
    assert who == (True, "65532 nonroot\n")


@each
@pytest.mark.parametrize("tool", ["pip", "setuptools", "wheel", "ensurepip"])
def test_no_packages_can_be_installed_in_it(program: Program, tool: str) -> None:
    """Neither with its Python nor with the one of its base."""
    for python in ("python", '"$(readlink -f /opt/venv/bin/python)"'):
        there, said = images.in_image(images.name_of(program), "sh", "-c", f"{python} -c 'import {tool}'")
        assert not there, python
        assert "ModuleNotFoundError" in said


@each
def test_nothing_can_be_compiled_in_it(program: Program) -> None:
    assert not images.in_image(
        images.name_of(program), "sh", "-c", "command -v cc || command -v gcc || command -v make"
    )[0]


@each
def test_what_skaffold_syncs_is_there_and_can_be_unpacked(program: Program) -> None:
    synced = skaffold.synced(skaffold.artifact(program.name))
    there, said = images.in_image(images.name_of(program), "ls", "-d", *synced)
    assert there, said
    assert images.in_image(images.name_of(program), "tar", "--version")[0]


@each
def test_its_program_says_how_it_is_used(program: Program) -> None:
    if program.name == "operator":
        pytest.skip("the operator takes no options")
    entry = images.config(images.name_of(program))["Entrypoint"]
    assert isinstance(entry, list)
    there, said = images.in_image(images.name_of(program), *entry, "--help")
    assert there, said
    assert "usage" in said.lower()


@each
def test_a_change_of_source_changes_no_other_layer(program: Program, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "charts", "tests", "docs", "bench", "node_modules"))
    shutil.copy(ROOT / ".dockerignore", copy)
    changed = copy / program.packages[0].replace(".", "/") / "changed.py"
    changed.write_text("CHANGED = True\n")
    before, after = (images.layers(one) for one in (images.name_of(program), images.build(program, "changed", copy)))
    images.remove(program, "changed")
    assert before != after
    assert before[:-1] == after[:-1]
