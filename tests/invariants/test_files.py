"""Files made to cost much: their senders get a polite line, others their answers, and the agent server stays small."""

from __future__ import annotations

import base64
import contextlib
import time
from pathlib import Path

from graph.files.documents import PDF, WORD
from simulator.model.demo import ASK_AGAIN
from tests.graph.files import bombs
from tests.invariants.stack import MARIA, Stack, eventually

GROWTH = 150_000_000  # bytes
DELAY = 2  # seconds that the answer to somebody else may take longer
QUESTION, ANSWER = "Olá, quero saber do meu pedido 12345", "Em separação"
FILES = {
    "5511900000101": (bombs.empty_paragraphs(), WORD, "document"),
    "5511900000102": (bombs.shared_stream(), PDF, "document"),
    "5511900000103": (bombs.flate_bomb(), PDF, "document"),
    "5511900000104": (bombs.png(60_000, 60_000, b""), "image/png", "image"),
    "5511900000105": (bombs.webp(bombs.canvas(1 << 24, 1 << 24), bombs.lossless()), "image/webp", "image"),
    "5511900000106": (b"<html>404 not found</html>", "image/jpeg", "image"),
}
# Those that cost little now, and of which something may be read.
CHEAP = {
    "5511900000107": (bombs.spans(), WORD, "document"),
    "5511900000108": (bombs.nested_tables(), WORD, "document"),
    "5511900000109": (bombs.zip_bomb(), WORD, "document"),
    "5511900000110": (bombs.page_tree(), PDF, "document"),
}


def send(stack: Stack, wa_id: str, content: bytes, mime_type: str, kind: str) -> None:
    """A customer sends a file."""
    file = {"base64": base64.b64encode(content).decode(), "mime_type": mime_type, "kind": kind, "filename": "arquivo"}
    stack.http.post(f"/_sim/personas/{wa_id}/messages", json={"media": file}).raise_for_status()


def test_bombs_cost_nobody_else_anything(stack: Stack) -> None:
    agent = stack.part("agent")["pid"]
    Path(f"/proc/{agent}/clear_refs").write_text("5")  # the peak of its memory is measured from here on
    before, usual = _peak(agent), _patience(stack)
    for wa_id, file in {**FILES, **CHEAP}.items():
        send(stack, wa_id, *file)
    eventually(lambda: _children(agent), "a process that reads a file")
    assert _patience(stack) < usual + DELAY
    for wa_id in FILES:
        assert stack.answered(wa_id) == [ASK_AGAIN]
    for wa_id in CHEAP:
        assert stack.answered(wa_id)
    stack.settle()
    assert stack.part("agent")["pid"] == agent
    assert _peak(agent) - before < GROWTH
    assert not _children(agent)


def test_kill_9_while_a_file_is_read_counts_as_an_attempt(stack: Stack) -> None:
    agent = stack.part("agent")["pid"]
    [sender, *_] = FILES
    send(stack, sender, *FILES[sender])
    [reader] = eventually(lambda: _children(agent), "a process that reads a file")
    stack.kill("agent")
    assert stack.answered(sender) == [ASK_AGAIN]
    stack.settle()
    assert stack.sql("SELECT attempts FROM turn") == [(1,)]
    eventually(lambda: not Path(f"/proc/{reader}").exists(), "the end of the process that nobody waits for")


def _patience(stack: Stack) -> float:
    """Seconds until a customer has an answer, at best: the machine may be busy with something else."""
    taken = []
    for _ in range(3):
        asked, count = time.monotonic(), len(stack.replies(MARIA)) + 1
        stack.say(QUESTION)
        assert ANSWER in stack.answered(MARIA, count)[-1]
        taken.append(time.monotonic() - asked)
    return min(taken)


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def _children(pid: int) -> list[str]:
    """Processes that read a file now, or that nobody waited for."""
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found += (task / "children").read_text().split()
    return found
