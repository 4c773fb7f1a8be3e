"""docs/simulator.md describes every command, setting, route and fault."""

from collections import deque
from pathlib import Path
from typing import cast, get_args

import pytest
from starlette.routing import Route

from simulator.cli import cli
from simulator.control.accounts import AccountsControl
from simulator.control.control import Control
from simulator.control.people import PeopleControl
from simulator.faults import KINDS, Kind
from simulator.meta.carrier import Carrier
from simulator.settings import Settings

DOCS = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def routes() -> list[Route]:
    carrier = cast("Carrier", None)
    return [
        *Control(carrier, None, None).routes(),
        *PeopleControl(carrier, deque()).routes(),
        *AccountsControl(carrier).routes(),
    ]


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.path)
def test_every_route_is_described(route) -> None:
    for method in route.methods - {"HEAD"}:
        assert f"`{method} {route.path}`" in DOCS


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_fault_is_described_with_its_places(kind) -> None:
    places = [place for place in KINDS if kind in KINDS[place]]
    shown = (
        "all"
        if len(places) == len(KINDS)
        else ", ".join(sorted(places, key=["send", "read", "management", "media", "model", "webhook"].index))
    )
    assert f"| `{kind}` | {shown} |" in DOCS


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name) -> None:
    assert f"`{name.upper()}`" in DOCS


@pytest.mark.parametrize("command", cli.registered_commands, ids=lambda command: command.callback.__name__)
def test_every_command_is_described(command) -> None:
    assert f"`python -m simulator {command.callback.__name__}" in DOCS
