"""The stack whose agent server is asked: one that the tests start, or one that runs already (CONTRACT_STACK).

CONTRACT_STACK is the folder of a running local stack (its DEV_DIR). A server of another make is tried that way: start
the stack with LANGGRAPH_URL, so that it starts no agent server of its own. Its data is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.invariants.stack import Stack

CONTRACT_STACK = "CONTRACT_STACK"


@pytest.fixture(scope="session")
def whole_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack in CONTRACT_STACK; without it the one of all tests."""
    if directory := os.environ.get(CONTRACT_STACK):
        stack = Stack(Path(directory))
        with stack.http:
            yield stack
    else:
        yield request.getfixturevalue("whole_stack")
