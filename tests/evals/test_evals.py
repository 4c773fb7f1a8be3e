"""The conversations with the demo model test the wiring; with a real model they judge the prompts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.cases import Case, Turn, TurnResult, faults, load
from evals.run import Result, table
from graph.policy.departments import departments_in_files
from graph.tools import TOOLS

ROOT = Path(__file__).parents[2]


def test_there_are_at_least_forty_in_every_department_and_they_name_what_exists() -> None:
    cases = load()
    assert len(cases) >= 40
    assert {case.department for case in cases} == set(departments_in_files())
    assert len({(case.department, case.name) for case in cases}) == len(cases)
    named = {name for case in cases for turn in case.turn for name in (*turn.calls, *turn.calls_not)}
    assert named <= {tool.name for tool in TOOLS}


def test_all_pass_with_the_demo_model(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "evals"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for department in departments_in_files():
        assert department in done.stdout


GOOD = TurnResult(text="Seu pedido está em separação.", calls=["order_status"], types=["text"], handoff=False)


@pytest.mark.parametrize(
    ("turn", "found"),
    [
        ({}, None),
        ({"contains": ["Em SEPARAÇÃO"]}, None),
        ({"contains": ["12345"]}, "'12345' is missing"),
        ({"any_of": ["a caminho", "separação"]}, None),
        ({"any_of": ["a caminho"]}, "none of"),
        ({"forbidden": ["separação"]}, "is forbidden"),
        ({"calls": ["list_orders"]}, "list_orders was not called"),
        ({"calls_not": ["order_status"]}, "order_status was called"),
        ({"handoff": True}, "handoff"),
        ({"asks": True}, "nothing to tap on"),
        ({"length": 5}, "longer than 5"),
    ],
)
def test_each_check_finds_what_it_is_for(turn: dict[str, object], found: str | None) -> None:
    wrong = faults(Turn.model_validate({"say": "Oi", **turn}), GOOD)
    assert wrong == [] if found is None else len(wrong) == 1 and found in wrong[0]


def test_another_language_and_nothing_are_found() -> None:
    english = "I'm sorry, but I can't help you with your order, please contact us."
    assert faults(Turn(say="Oi"), GOOD.model_copy(update={"text": english})) == ["another language"]
    assert faults(Turn(say="Oi"), GOOD.model_copy(update={"text": " "})) == ["the answer is empty"]


def test_the_table_counts_by_department_and_names_what_failed() -> None:
    cases = [Case(name=name, department=of, turn=[]) for name, of in (("a", "sales"), ("b", "sales"), ("c", "orders"))]
    shown = table([Result(cases[0]), Result(cases[1], ["turn 1: wrong"]), Result(cases[2])]).splitlines()
    assert shown[1].split()[:4] == ["sales", "2", "1", "50%"]
    assert shown[3].split()[:4] == ["all", "3", "2", "67%"]
    assert shown[4] == "- sales/b: turn 1: wrong"
