"""`gateway doctor` on the whole local stack: the real agent server is as the doctor's checks expect it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.invariants.stack import LANGGRAPH_TOKEN, Stack, eventually


def examined(stack: Stack, directory: Path, **changes: str) -> tuple[int, dict[str, Any]]:
    """Run it as an operator does; give exit status and report."""
    password = stack.passwords.as_dict()["wa_gateway"]
    database = httpx.URL(stack.address("postgres")).copy_with(username="wa_gateway", password=password)
    environment = {
        "DATABASE_URL": str(database), "LANGGRAPH_URL": stack.address("agent"), "LANGGRAPH_TOKEN": LANGGRAPH_TOKEN,
        "PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    command = [sys.executable, "-m", "gateway.cli", "doctor", "--json"]
    done = subprocess.run(  # in a directory without a developer's .env
        command, env=environment | changes, cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert [secret for secret in (LANGGRAPH_TOKEN, password) if secret in done.stdout + done.stderr] == []
    return done.returncode, json.loads(done.stdout)


def about(report: dict[str, Any], part: str) -> list[str]:
    return [one["finding"] for one in report["findings"] if one["part"] == part]


def test_the_real_agent_server_is_as_the_doctor_wants_it(stack: Stack, tmp_path: Path) -> None:
    stack.say("Olá")
    stack.answered()
    eventually(lambda: not stack.sql("SELECT FROM event WHERE state = 'new'"), "events done")
    _, report = examined(stack, tmp_path)
    assert (about(report, "agent"), about(report, "database"), about(report, "worker")) == ([], [], [])
    assert report["agent"] is not None
    assert "refuses LANGGRAPH_TOKEN" in about(examined(stack, tmp_path, LANGGRAPH_TOKEN="another")[1], "agent")[0]
    code, report = examined(stack, tmp_path, LANGGRAPH_ASSISTANT="nobody")
    assert code == 1
    assert "has no assistant nobody" in about(report, "agent")[0]
