"""The Dockerfiles without Docker: what can be read from them. tests/cluster builds and runs them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess

import pytest
from pathspec import GitIgnoreSpec

from tests.images.dockerfile import PROGRAMS, ROOT, Program, copied_from_context, stages

each = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


@each
def test_the_base_is_an_argument_that_every_stage_starts_from(program: Program) -> None:
    arguments, built = stages(program.dockerfile)
    assert arguments == {"BASE_IMAGE": "docker.io/library/python:3.11-slim"}
    assert [stage.base for stage in built] == ["${BASE_IMAGE}"] * 2


@each
def test_a_change_of_source_rebuilds_no_dependency(program: Program) -> None:
    _, (dependencies, image) = stages(program.dockerfile)
    assert copied_from_context(dependencies) == [program.lock_file.name]
    copies = image.all("COPY")
    assert copies[0] == "--from=dependencies /opt/venv /opt/venv"
    after = image.steps[image.steps.index(("COPY", copies[0])) :]
    assert "RUN" not in [kind for kind, _ in after], "a RUN after the source would run again at each change"


@each
def test_only_wheels_with_a_known_hash_are_installed_and_pip_stays_behind(program: Program) -> None:
    _, (dependencies, image) = stages(program.dockerfile)
    [install] = [rest for rest in dependencies.all("RUN") if " install " in rest]
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(install.split())
    assert any("venv --without-pip /opt/venv" in rest for rest in dependencies.all("RUN"))
    [run] = image.all("RUN")
    assert {"/usr/local/bin/pip*", "/usr/local/lib/python3*/ensurepip"} <= set(run.partition("rm -rf")[2].split())


@each
def test_the_image_runs_as_nobody_in_particular(program: Program) -> None:
    _, (_, image) = stages(program.dockerfile)
    assert image.all("USER") == ["65532:65532"]
    assert image.steps.index(("USER", "65532:65532")) > max(i for i, step in enumerate(image.steps) if step[0] == "RUN")


@each
def test_the_image_says_what_it_is_and_how_it_is(program: Program) -> None:
    _, (_, image) = stages(program.dockerfile)
    labels = " ".join(image.all("LABEL"))
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels
    assert image.all("HEALTHCHECK")
    assert image.all("EXPOSE")


@each
def test_what_it_starts_exists(program: Program) -> None:
    _, (_, image) = stages(program.dockerfile)
    entry = image.words("ENTRYPOINT")
    module = entry[entry.index("-m") + 1] if "-m" in entry else f"{entry[0]}.cli"
    assert importlib.util.find_spec(module), module
    assert any(module.startswith(package.split(".")[0]) for package in program.packages)


@each
def test_what_it_copies_exists_and_is_let_through(program: Program) -> None:
    ignored = GitIgnoreSpec.from_lines((ROOT / ".dockerignore").read_text().splitlines())
    for stage in stages(program.dockerfile)[1]:
        for path in copied_from_context(stage):
            assert (ROOT / path).exists(), path
            assert not ignored.match_file(path), path


@pytest.mark.parametrize("path", [".env", ".git/config", ".venv/bin/python", "tests/conftest.py", ".dev/stack.json",
                                  "gateway/__pycache__/cli.cpython-311.pyc", "gateway/Dockerfile"])  # fmt: skip
def test_nothing_else_reaches_a_build(path: str) -> None:
    assert GitIgnoreSpec.from_lines((ROOT / ".dockerignore").read_text().splitlines()).match_file(path)


@each
def test_hadolint_has_nothing_to_say(program: Program) -> None:
    hadolint = shutil.which("hadolint", path=str(ROOT / ".venv/bin")) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint comes as a package for Linux on x86-64 only; elsewhere put it on the path")
    checked = subprocess.run([hadolint, program.dockerfile], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
