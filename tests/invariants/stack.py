"""The whole local stack as its user starts it, and hands to break it with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.conninfo import make_conninfo

from simulator.keys import Keys, Passwords
from simulator.ports import free_port

MARIA = "5511987654321"
LANGGRAPH_TOKEN = "token-of-the-tests"
_PATIENCE = 240.0  # seconds; far beyond what anything here takes, so that a busy machine is no failure

# Short times, so that what is waited for in production comes at once; none of them changes what is done.
_TIMES = {
    "REACT_ON_RECEIPT": "false",  # faults are meant for replies; tests/gateway/outbox/test_presence.py has the reaction
    "QUIET_PERIOD_SECONDS": "0.2",
    "QUIET_PERIOD_MAX_SECONDS": "2",
    "LEASE_SECONDS": "2",
    "POLL_SECONDS": "0.2",
    "UNCERTAIN_WAIT_SECONDS": "8",
}


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Ask until there is an answer; give it."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"in vain waited for: {what}")


_PORTS = (
    "GATEWAY_PORT",
    "OPS_PORT",
    "WORK_PORT",
    "CONSOLE_PORT",
    "CONSOLE_OPS_PORT",
    "LANGGRAPH_PORT",
    "SIMULATOR_PORT",
)
_GATEWAY_TABLES = """event, contact, contact_key, contact_merge, conversation, turn, message, media, account_state,
                    data_request, tombstone"""


class Stack:
    """A running stack. The simulator's control API speaks for customers; faults, kills and SQL do the rest."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keys = Keys.load(directory)
        self.passwords = Passwords.load(directory)
        headers = {"Authorization": f"Bearer {self.keys.control}"}
        self.http = httpx.Client(base_url=self.address("simulator"), headers=headers, trust_env=False, timeout=70)

    @property
    def described(self) -> dict[str, Any]:
        return json.loads((self.directory / "stack.json").read_text())

    def address(self, name: str) -> str:
        return self.described["addresses"][name]

    # Customers ---------------------------------------------------------------------------------------------------

    def say(self, text: str, wa_id: str = MARIA) -> str:
        """A customer writes; the wamid."""
        answer = self.http.post(f"/_sim/personas/{wa_id}/messages", json={"text": text})
        answer.raise_for_status()
        return answer.json()["id"]

    def transcript(self, wa_id: str) -> list[dict[str, Any]]:
        return self.http.get("/_sim/transcript", params={"wa_id": wa_id}).json()["messages"]

    def replies(self, wa_id: str = MARIA) -> list[str]:
        """Return the texts that the business has written to a customer."""
        return [one["text"] for one in self.transcript(wa_id) if one["direction"] == "out" and one["type"] == "text"]

    def answered(self, wa_id: str = MARIA, count: int = 1) -> list[str]:
        """Wait for so many replies, and give all."""
        eventually(lambda: len(self.replies(wa_id)) >= count, f"{count} replies")
        return self.replies(wa_id)

    def asked(self, text: str, wa_id: str = MARIA) -> None:
        """Wait until a customer is asked something with buttons or rows to tap on."""
        shown = lambda: any(  # noqa: E731
            one["type"] == "interactive" and text in json.dumps(one, ensure_ascii=False)
            for one in self.transcript(wa_id)
        )
        eventually(shown, f"the question {text!r}")

    def calls(self, path: str) -> list[dict[str, Any]]:
        return self.http.get("/_sim/calls", params={"path": path}).json()["calls"]

    # Faults ------------------------------------------------------------------------------------------------------

    def fault(self, **fault: Any) -> str:
        answer = self.http.post("/_sim/faults", json=fault)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def held(self, fault_id: str) -> None:
        """Wait until a `hold` holds something."""
        eventually(lambda: self.http.get(f"/_sim/faults/{fault_id}").json()["waiting"], "something held")

    def release(self, fault_id: str) -> None:
        self.http.post(f"/_sim/faults/{fault_id}/release").raise_for_status()

    # Processes ---------------------------------------------------------------------------------------------------

    def part(self, name: str) -> dict[str, Any]:
        return next(part for part in self.described["processes"] if part["name"] == name)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Kill a part, wait until its port refuses and until the stack has started it again."""
        old = self.part(name)
        os.kill(old["pid"], number)
        eventually(lambda: not _listens(old["port"]), f"{name} gone")
        eventually(lambda: self.part(name)["pid"] != old["pid"] and _listens(old["port"]), f"{name} back")

    # Truth -------------------------------------------------------------------------------------------------------

    def database_url(self, role: str = "postgres") -> str:
        """Return the gateway's database as a role, by default as the superuser."""
        return make_conninfo(self.address("postgres"), user=role, password=self.passwords.as_dict()[role])

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url(), autocommit=True) as conn:
            cursor = conn.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def settle(self) -> None:
        """Wait until nothing waits anywhere, then check what must hold at all times."""
        eventually(self._idle, "an idle system")
        self.check()

    def _idle(self) -> bool:
        if self.http.get("/_sim/webhooks", params={"pending": "1"}).json()["webhooks"]:
            return False
        [(waiting,)] = self.sql(
            """SELECT (SELECT count(*) FROM event WHERE state = 'new' AND coalesce(note, '') NOT IN (
                            'no message of ours', 'its number is not known here'))  -- what may come, or never
                    + (SELECT count(*) FROM message WHERE awaits)
                    + (SELECT count(*) FROM turn WHERE state = 'open')
                    + (SELECT count(*) FROM message WHERE status IN ('queued', 'sending', 'uncertain'))"""
        )
        return not waiting

    def check(self) -> None:
        """The invariants that the database and Meta's side can show."""
        assert self.sql("SELECT key, note FROM event WHERE state = 'failed'") == []
        in_no_turn = "SELECT id FROM message WHERE direction = 'in' AND type = 'text' AND turn_id IS NULL"
        assert self.sql(in_no_turn) == [], "a message is in no turn"
        assert self.sql("SELECT id FROM turn WHERE state <> 'done'") == [], "a turn was not answered"
        overlapping = """SELECT a.id FROM turn a JOIN turn b USING (conversation_id)
                         WHERE a.id <> b.id AND a.started_at < b.ended_at AND b.started_at < a.ended_at"""
        assert self.sql(overlapping) == [], "two turns of one conversation at once"
        out_of_order = """SELECT * FROM (SELECT sent_at,
                              lag(sent_at) OVER (PARTITION BY conversation_id ORDER BY seq) AS before
                          FROM message WHERE direction = 'out') m WHERE sent_at < before"""
        assert self.sql(out_of_order) == [], "replies left out of order"
        ours = [call["body"].get("biz_opaque_callback_data") for call in self._sends()]
        assert len(ours) == len(set(ours)), "a reply was sent twice"

    def _sends(self) -> list[dict[str, Any]]:
        return [call for call in self.calls("/messages") if call["body"].get("type") and call["status"] in (200, "cut")]

    def clear(self) -> None:
        """A new world for the next test: no people, no messages, no memory of them."""
        self.http.post("/_sim/reset").raise_for_status()
        for tables in (_GATEWAY_TABLES, "business.tickets"):
            self._truncate(tables)

    def _truncate(self, tables: str) -> None:
        """Empty tables that workers read all the time; Postgres may choose this side of a deadlock to give way."""
        for _ in range(10):
            try:
                self.sql(f"TRUNCATE {tables} CASCADE")
            except psycopg.errors.DeadlockDetected:
                continue
            return
        raise AssertionError(f"{tables} cannot be emptied")


@contextmanager
def running(directory: Path, module: str = "simulator", **environment: str) -> Iterator[Stack]:
    """Start the stack in a directory of its own on free ports; stop it at the end. Shows its logs if it never came.

    module: the program that starts it, with the argument `up`.
    """
    ports = {name: str(free_port()) for name in _PORTS}
    own = {"LANGGRAPH_TOKEN": LANGGRAPH_TOKEN, "DEV_DIR": str(directory)}
    process = subprocess.Popen(
        [sys.executable, "-m", module, "up"],
        env={**clean(os.environ), **_TIMES, **ports, **own, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for_start(directory, process)
        stack = Stack(directory)
        with stack.http:
            yield stack
    finally:
        process.terminate()
        process.communicate(timeout=_PATIENCE)
        assert not (directory / "stack.json").exists(), "the stack left its description behind"


def _wait_for_start(directory: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while not (directory / "stack.json").exists():
        if process.poll() is not None or time.monotonic() > until:
            process.terminate()
            said = process.communicate(timeout=_PATIENCE)[0].decode()
            logs = [f"--- {log.name}\n{log.read_text()[-2000:]}" for log in (directory / "logs").glob("*.log")]
            raise AssertionError("\n".join([*logs, f"the stack did not start: {said}"]))
        time.sleep(0.1)


def clean(environment: Any) -> dict[str, str]:
    """Without what a developer's shell may say about real services."""
    ours = (
        "WHATSAPP_",
        "SIMULATOR_",
        "STUDIO",
        "OPENAI_",
        "LANGGRAPH_",
        "DATABASE_",
        "REDIS_",
        "AGENT_",
        "BUSINESS_",
        "CHANNELS_",
    )
    return {name: value for name, value in environment.items() if not name.startswith(ours)}


def _listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=1)
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        return True  # something that speaks no HTTP, such as Postgres
    return True
