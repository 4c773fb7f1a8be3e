"""Tests side by side: those of a module, and all that use the whole stack, run in one process."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="the tests run in one process")
def test_the_tests_of_a_module_are_a_group(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@tests/test_side_by_side.py")
