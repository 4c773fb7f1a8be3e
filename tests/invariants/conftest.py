"""One stack for all tests of the invariants; each test gets it empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.invariants.stack import Stack, running


@pytest.fixture(scope="session")
def whole_stack(server_dir: Path) -> Iterator[Stack]:
    directory = server_dir / "stack"
    directory.mkdir()
    directory.chmod(0o755)
    with running(directory) as stack:
        yield stack


@pytest.fixture
def stack(whole_stack: Stack) -> Iterator[Stack]:
    whole_stack.clear()
    yield whole_stack
    whole_stack.http.request("DELETE", "/_sim/faults")
