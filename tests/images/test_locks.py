"""The locks of the images: complete, and enough for what each image holds."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.images.dockerfile import PROGRAMS, ROOT, Program

each = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


def locked(path: Path) -> list[Requirement]:
    """Return the requirements that a lock installs on this platform."""
    lines = [line.rstrip(" \\") for line in path.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
    wanted = [Requirement(line) for line in lines]
    return [requirement for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]


def excluded() -> set[str]:
    """Names that the images leave out on purpose."""
    lines = (ROOT / "requirements.excludes").read_text().splitlines()
    return {canonicalize_name(line.partition("#")[0].strip()) for line in lines if line.partition("#")[0].strip()}


@each
def test_every_version_and_hash_is_the_one_that_the_tests_ran_with(program: Program) -> None:
    tested = {requirement.name: requirement for requirement in locked(ROOT / "requirements-dev.lock")}
    for requirement in locked(program.lock_file):
        assert requirement.specifier == tested[requirement.name].specifier
    hashes = set(re.findall(r"sha256:\w{64}", (ROOT / "requirements-dev.lock").read_text()))
    assert set(re.findall(r"sha256:\w{64}", program.lock_file.read_text())) <= hashes


@each
def test_nothing_that_a_locked_package_requires_is_missing(program: Program) -> None:
    """pip cannot find out: it installs the lock without looking at dependencies."""
    present = {canonicalize_name(requirement.name) for requirement in locked(program.lock_file)}
    for requirement in locked(program.lock_file):
        for line in metadata.requires(requirement.name) or []:
            needed = Requirement(line)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                assert canonicalize_name(needed.name) in present | excluded(), f"{requirement.name} needs {needed.name}"


@each
def test_what_the_image_holds_imports_nothing_that_it_does_not_hold(program: Program, tmp_path: Path) -> None:
    allowed = {canonicalize_name(requirement.name) for requirement in locked(program.lock_file)}
    script = Path(__file__).with_name("import_all.py")
    command = [sys.executable, "-P", script, ROOT, ",".join(sorted(allowed)), *program.packages]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
