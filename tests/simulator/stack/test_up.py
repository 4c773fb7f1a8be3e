"""`python -m simulator up` and `say`: the whole stack, started once; and the messages when it cannot start."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from simulator.keys import Keys
from simulator.ports import HOST, free_port, listens
from simulator.stack.plan import make_plan
from simulator.stack.process import Process, StartError
from simulator.stack.stack import Stack
from tests.simulator.support.helpers import eventually

ROOT = Path(__file__).parents[3]
ADDRESSES = {"DATABASE_URL", "REDIS_URL", "LANGGRAPH_URL", "WHATSAPP_GRAPH_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"}
PORTS = (
    "GATEWAY_PORT", "OPS_PORT", "WORK_PORT", "CONSOLE_PORT", "CONSOLE_OPS_PORT", "LANGGRAPH_PORT",
    "SIMULATOR_PORT", "POSTGRES_PORT", "REDIS_PORT",
)  # fmt: skip
UP = [sys.executable, "-m", "simulator", "up"]
TIMEOUT_SECONDS = 240  # a bound for busy machines


def variables(directory: Path, **more: str) -> dict[str, str]:
    own = dict(os.environ) | dict.fromkeys(ADDRESSES, "")  # empty: unset, even if a developer's .env sets them
    own |= {name: str(free_port()) for name in PORTS}
    return own | {"DEV_DIR": str(directory / "dev"), "QUIET_PERIOD_SECONDS": "0.2", **more}


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )


def say(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "simulator", "say", *words], environment)


@pytest.fixture
def directory(server_dir, request) -> Path:
    path = server_dir / request.node.name
    path.mkdir()
    return path


def ports_of(environment: dict[str, str]) -> list[int]:
    return [int(environment[name]) for name in PORTS]


def test_a_busy_port_is_named_with_its_setting(directory) -> None:
    environment = variables(directory)
    with socket.create_server((HOST, int(environment["REDIS_PORT"]))):
        done = run(UP, environment)
    assert done.returncode == 1
    assert f"port {environment['REDIS_PORT']}" in done.stderr
    assert "set REDIS_PORT to another port" in done.stderr
    assert not any(listens(port) for port in ports_of(environment))


@pytest.mark.parametrize("setting", PORTS)
def test_every_port_is_looked_at_before_anything_starts(directory, setting) -> None:
    environment = variables(directory)
    stack = Stack(make_plan({name: value for name, value in environment.items() if value}), report=lambda _: None)
    busy = f"port {environment[setting]}.* set {setting} to another port"
    with socket.create_server((HOST, int(environment[setting]))), pytest.raises(StartError, match=busy):
        stack.run()
    assert not (directory / "dev" / "logs").exists()


def test_a_start_that_fails_half_way_leaves_nothing_behind(directory) -> None:
    broken = variables(directory, DATABASE_URL=f"postgresql://nobody@{HOST}:{free_port()}/none")
    done = run(UP, broken)
    assert done.returncode == 1
    assert "gateway migrate failed" in done.stderr
    assert not any(listens(port) for port in ports_of(broken))
    assert not (directory / "dev" / "stack.json").exists()


def test_wrong_settings_are_told(directory) -> None:
    done = run(UP, variables(directory, GATEWAY_PORT="http"))
    assert done.returncode == 2
    assert "gateway_port" in done.stderr


def test_say_without_a_stack_says_how_to_start_one(directory) -> None:
    done = say(variables(directory), "oi")
    assert done.returncode == 2
    assert "make run" in done.stderr


def test_the_whole_stack(directory) -> None:
    environment = variables(directory)
    log = directory / "up.log"
    with Process("up", UP, log, environment, cwd=ROOT, stop_seconds=60) as up:
        state_file = directory / "dev" / "stack.json"
        state = json.loads(eventually(lambda: state_file.exists() and state_file.read_text(), seconds=TIMEOUT_SECONDS))
        pids = {process["name"]: process["pid"] for process in state["processes"]}
        assert set(pids) == {
            "postgres",
            "valkey",
            "simulator",
            "agent",
            "gateway serve",
            "gateway work",
            "gateway console",
        }

        second = run(UP, environment)
        assert (second.returncode, "Another local stack runs" in second.stderr) == (1, True)

        first = say(environment, "Olá, meu nome é Rita. Quero saber do meu pedido 12345")
        assert (first.returncode, first.stdout.count("Em separação")) == (0, 1)
        assert "Rita" in say(environment, "Qual é o meu nome?").stdout
        stranger = say(environment, "Olá, quero saber do meu pedido 12345", "--from", "+55 21 91234-5678")
        assert "Nenhum pedido 12345" in stranger.stdout
        keys = Keys.load(directory / "dev")
        assert (directory / "dev" / "simulator.json").stat().st_mode & 0o777 == 0o600
        verify = state["addresses"]["simulator"] + "/_sim/webhooks/verify"
        assert httpx.post(verify, trust_env=False).status_code == 401
        headers = {"Authorization": f"Bearer {keys.control}"}
        assert httpx.post(verify, headers=headers, trust_env=False).json()["verified"]
        assert not {*keys.as_dict().values()} & {*str(state).split("'")}

        assert [person["role"] for person in state["console_people"]] == ["attendant", "attendant", "admin"]
        for person in state["console_people"]:
            assert signs_in(state["addresses"]["console"], person["login"], person["password"])
        assert not signs_in(state["addresses"]["console"], "ana", "wrong")
        assert not list(readable_by_others(directory / "dev"))

        os.kill(pids["agent"], signal.SIGKILL)
        eventually(lambda: not listens(int(environment["LANGGRAPH_PORT"])))
        eventually(lambda: _pid(state_file, "agent") != pids["agent"], seconds=150)
        assert "Rita" in say(environment, "Qual é o meu nome?").stdout
        up.stop()
        assert up.exit_code == 0, log.read_text()
    assert not state_file.exists()
    assert not any(listens(port) for port in ports_of(environment))


def readable_by_others(directory: Path) -> Iterator[str]:
    """Files and directories of the stack that another user may read; Postgres may replace its own meanwhile."""
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mode & 0o077 and not path.is_symlink():
                yield f"{path} {path.lstat().st_mode:o}"


def signs_in(address: str, login: str, password: str) -> bool:
    """Whether the console lets somebody in."""
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as browser:
        page = browser.get("login", headers={"accept": "text/html"}).text
        token = page.partition('name="csrf" content="')[2].partition('"')[0]
        form = {"csrf": token, "login": login, "password": password}
        answer = browser.post("login", data=form, headers={"origin": address.removesuffix("/console/")})
        return answer.status_code == 303


def _pid(state_file: Path, name: str) -> int:
    processes = json.loads(state_file.read_text())["processes"]
    return next(process["pid"] for process in processes if process["name"] == name)
