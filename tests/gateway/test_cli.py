"""The command line: which modules a command imports."""

import subprocess
import sys

import pytest
from typer.main import get_group

from gateway import cli


def test_the_table_names_the_module_of_every_command() -> None:
    for name, module in cli.COMMANDS.items():
        assert name in get_group(cli.program(name)).commands, module
    assert set(get_group(cli.program(None)).commands) == set(cli.COMMANDS)


def test_an_unknown_command_is_told_all_that_exist() -> None:
    assert set(get_group(cli.program("nonsense")).commands) == set(cli.COMMANDS)


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("migrate", ["gateway.work", "gateway.serve", "gateway.console", "argon2", "langgraph_sdk", "redis"]),
        ("serve", ["gateway.console", "argon2", "langgraph_sdk", "redis", "gateway.work", "jinja2"]),
        ("work", ["gateway.console", "argon2", "authlib"]),
        ("console", ["gateway.work", "gateway.serve"]),
    ],
)
def test_a_process_imports_only_its_own_modules(command: str, unneeded: list[str]) -> None:
    """Each of these costs memory in every pod, and time at every start."""
    module = {"serve": "gateway.serve", "work": "gateway.work", "console": "gateway.console.process"}.get(command)
    code = f"import sys; from gateway import cli; cli.program({command!r})\n"
    code += f"import {module}\n" if module else ""
    code += "print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(unneeded) & set(loaded)
