"""The gateway of the last release, whose processes may still run while the schema is already the next one's."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

# The commit that counts as the last release, and its newest migration; set both anew with each release.
LAST_RELEASE = "6e56cf65a20bd16daea1626f0449b246fb7ce7e4"
LAST_MIGRATION = "0068.given_passwords"

_ROOT = Path(__file__).parents[3]


def unpack(directory: Path, *paths: str) -> Path:
    """Unpack the last release, or these paths of it; return the folder. Skip the test where the history is missing."""
    command = ["git", "-C", str(_ROOT), "archive", LAST_RELEASE, *paths]
    try:
        archive = subprocess.run(command, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip(f"this copy has no history back to the last release, {LAST_RELEASE[:7]}: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
    return directory
