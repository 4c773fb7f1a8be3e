"""The restore runbook (docs/backup.md), word for word: back up, lose everything, restore, go on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.dockerfile import ROOT
from tests.invariants import stack as stacks

BEFORE, UNDER_WAY, ERASED = "5511900000701", "5511900000702", "5511900000703"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that the user who runs Postgres may enter."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-agent-runbook-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


def test_after_a_restore_by_the_runbook_conversations_go_on_and_nobody_is_answered_twice(folder: Path) -> None:
    backup, *restore = _commands()
    running = stacks.running
    with running(folder / ".dev") as stack:
        stack.say("Olá, meu nome é Clara", BEFORE)
        stack.say("Olá", ERASED)
        stack.answered(BEFORE)
        stack.answered(ERASED)
        fault = stack.fault(on="send", kind="hold", times=1)
        stack.say("Olá, meu pedido 12345", UNDER_WAY)
        stack.held(fault)
        _run(backup, folder)
        stack.release(fault)
        stack.answered(UNDER_WAY)
        [(contact,)] = stack.sql(
            "SELECT contact_id FROM contact_key WHERE value = %s AND until IS NULL LIMIT 1", ERASED
        )
        stack.sql("INSERT INTO data_request (kind, contact_id, asked_by) VALUES ('erase', %s, 'command')", contact)
        stacks.eventually(lambda: stack.sql("SELECT 1 FROM data_request WHERE state = 'done'"), "the erasure")
        answered = {one: len(stack.replies(one)) for one in (BEFORE, UNDER_WAY)}
    for command in restore:
        _run(command, folder)
    with running(folder / ".dev") as stack:
        assert stack.sql("SELECT value FROM contact_key WHERE value = %s", ERASED) == []
        waiting = stack.sql(
            """SELECT k.value FROM conversation c JOIN contact_key k USING (contact_id)
               WHERE c.state = 'waiting' AND c.handoff_reason LIKE 'Recuperada%' AND k.kind = 'wa_id'"""
        )
        assert waiting == [(UNDER_WAY,)]
        # Uncertain, and given up after the tests' short wait: never sent.
        [(status,)] = stack.sql("SELECT status FROM message WHERE uncertain_at IS NOT NULL")
        assert status in ("uncertain", "failed")
        stack.say("Qual é o meu nome?", BEFORE)
        stack.answered(BEFORE)
        assert answered == {BEFORE: 1, UNDER_WAY: 1}
        assert stack.replies(UNDER_WAY) == []  # this Meta is a new one: nothing was sent to them again
        assert stack.sql("SELECT count(DISTINCT thread_id) > 0 FROM agent.checkpoints") == [(True,)]


def _commands() -> list[str]:
    """Return the commands of the runbook for the local stack, in their order."""
    text = (ROOT / "docs" / "backup.md").read_text().partition("## The local stack")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.strip() for block in blocks for line in block.strip().splitlines()]


def _run(command: str, folder: Path) -> None:
    """Run a command in a folder as a user does, with `python` of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert shutil.which("sh")
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=stacks.clean(os.environ) | {"PATH": path, "DEV_DIR": ".dev"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
