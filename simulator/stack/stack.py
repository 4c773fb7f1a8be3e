"""The whole product on one machine: `python -m simulator up`."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulator.keys import write_private
from simulator.ports import PortBusyError, require_free
from simulator.stack import console
from simulator.stack.console import ConsolePerson
from simulator.stack.plan import DATABASE_NAME, Plan, agent_command, listeners
from simulator.stack.postgres import Postgres
from simulator.stack.process import Process, StartError
from simulator.stack.roles import RolesSql, make_roles
from simulator.stack.supervise import Part, Report, Supervisor, answers
from simulator.stack.valkey import Valkey

STATE_FILE = "stack.json"
AGENT_START_SECONDS = 120  # its imports take long on slow machines
STOP_SECONDS = 15
DATABASES, SERVERS, WORK = range(3)  # stages
# Others may enter it but see nothing: Postgres runs as another user where the stack runs as root.
DEV_DIR_MODE = 0o711


class Stack:
    """One run of the local stack: `start`, `watch` until interrupted, `stop`."""

    def __init__(self, plan: Plan, report: Report) -> None:
        self._plan = plan
        self._report = report
        self._logs = plan.dev_dir / "logs"
        self._state = plan.dev_dir / STATE_FILE
        self._people: list[ConsolePerson] = []
        self._supervisor = Supervisor(report, self._write_state)

    def run(self) -> None:
        """Start everything, report the addresses, keep it running until KeyboardInterrupt, and stop everything.

        Raises StartError when something does not come up.
        """
        with lock(self._plan.dev_dir):
            try:
                self.start()
                self._report_addresses()
                self._supervisor.watch()
            finally:
                self.stop()

    def start(self) -> None:
        """Start every part that has no address yet. Raises StartError; call `stop` then, too."""
        self._state.unlink(missing_ok=True)
        self._plan.keys.save(self._plan.dev_dir)
        self._plan.passwords.save(self._plan.dev_dir)
        self._plan.tombstone.save(self._plan.dev_dir)
        self._require_ports()
        self._start_databases()
        self._prepare_databases()
        self._supervisor.start(self._programs())
        self._write_state()

    def stop(self) -> None:
        """Stop every part."""
        self._report("Stopping …")
        self._state.unlink(missing_ok=True)
        self._supervisor.stop()
        self._report("Stopped.")

    def _require_ports(self) -> None:
        for setting, port in listeners(self._plan).items():
            try:
                require_free(port)
            except PortBusyError as error:
                advice = f"stop the program that listens there, or set {setting} to another port"
                raise StartError(f"Cannot start: {error}: {advice}.") from error

    def _start_databases(self) -> None:
        plan = self._plan
        parts = []
        if plan.own_postgres:
            log, data = self._logs / "postgres.log", plan.dev_dir / "postgres"
            roles = RolesSql()
            postgres = Postgres(data, plan.postgres_port, durable=True, log=log, password=plan.passwords.postgres)
            postgres.prepare()
            parts.append(Part(postgres.process, plan.postgres_port, DATABASES))
        if plan.own_redis:
            log, data = self._logs / "valkey.log", plan.dev_dir / "valkey"
            valkey = Valkey(data, plan.redis_port, durable=True, log=log, password=plan.passwords.valkey)
            valkey.prepare()
            parts.append(Part(valkey.process, plan.redis_port, DATABASES))
        self._supervisor.start(parts)
        if plan.own_postgres:
            postgres.ensure_database(DATABASE_NAME)
            make_roles(postgres.database_url(DATABASE_NAME), roles.read(), plan.passwords.of_processes())

    def _prepare_databases(self) -> None:
        plan = self._plan
        self._run("gateway migrate", [*_python("gateway.cli"), "migrate"], plan.migrate_environment())
        if plan.own_postgres:  # nobody is added to a database of the user's
            self._people = console.load_or_make(plan.dev_dir)
            console.add_to_database(self._people, plan.console_environment())
        if plan.own_agent:
            self._run("graph.business", [*_python("graph.business"), "--demo"], plan.business_environment())
            self._run(
                "graph.knowledge", [*_python("graph.knowledge"), "migrate", "--demo"], plan.knowledge_environment()
            )

    def _programs(self) -> Iterator[Part]:
        plan, ports = self._plan, self._plan.settings
        if plan.needs_simulator:
            command = [*_python("simulator"), "serve"]
            process = self._process("simulator", command, plan.simulator_environment())
            yield _http_part(process, ports.simulator_port, "/_sim/health", SERVERS)
        gateway = [*_python("gateway.cli")]
        serve = self._process("gateway serve", [*gateway, "serve"], plan.serve_environment())
        serve.ready = answers(ports.ops_port, "/readyz")  # /readyz checks the webhook's port too
        yield Part(serve, ports.gateway_port, SERVERS)
        work = self._process("gateway work", [*gateway, "work"], plan.work_environment())
        yield _http_part(work, ports.work_port, "/readyz", WORK)
        console_ = self._process("gateway console", [*gateway, "console"], plan.console_environment())
        console_.ready = answers(ports.console_ops_port, "/readyz")
        yield Part(console_, ports.console_port, SERVERS)
        for name, port in plan.agent_ports.items():  # last, because they take the longest
            agent = self._process(name, agent_command(port, ports.agent_jobs), plan.agent_environment())
            agent.cwd = _folder(plan.dev_dir / "agents" / str(port))  # langgraph dev writes files
            yield _http_part(agent, port, "/ok", SERVERS)

    def _process(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        log = self._logs / f"{name.replace(' ', '-')}.log"
        start_seconds = AGENT_START_SECONDS
        return Process(name, command, log, environment, start_seconds=start_seconds, stop_seconds=STOP_SECONDS)

    def _run(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self._report(f"Running {name} …")
        self._process(name, command, environment).run()

    def _write_state(self) -> None:
        """Write stack.json atomically: a reader never sees half of it."""
        processes = [
            {"name": part.name, "pid": part.working_pid, "port": part.port, "log": str(part.process.log)}
            for part in self._supervisor.parts
        ]
        state: dict[str, Any] = {"pid": os.getpid(), "addresses": self._plan.addresses(), "processes": processes}
        state["console_people"] = [asdict(person) for person in self._people]
        write_private(self._state, json.dumps(state, indent=2))  # it has the passwords of the console's people

    def _report_addresses(self) -> None:
        addresses = self._plan.addresses()
        width = max(map(len, addresses))
        self._report("")
        for name, address in addresses.items():
            self._report(f"  {name:<{width}}  {address}")
        self._report(f"  {'logs':<{width}}  {self._logs}")
        for person in self._people:
            self._report(f"  {'':<{width}}  console: {person.login} ({person.role}), password {person.password}")
        model = "the demo model" if self._plan.own_model else "your model"
        self._report(f"\nReady, with {model}. Ctrl-C stops everything.")
        if unused := self._plan.unused():
            advice = "set WHATSAPP_GRAPH_URL=https://graph.facebook.com to use them"
            self._report(f"\nMeta is simulated, and these settings are not used: {', '.join(unused)}; {advice}.")
        if self._plan.own_meta:
            self._report(f"\n  Open {addresses['phone']} and write to the business.\n")
            self._report('Or: python -m simulator say "Olá, quero saber do meu pedido 12345"\n')


def read_state(dev_dir: Path) -> dict[str, Any]:
    """Return the running stack's state file. Raises FileNotFoundError when no stack runs."""
    state: dict[str, Any] = json.loads((dev_dir / STATE_FILE).read_text())
    return state


def postgres_port(dev_dir: Path) -> int | None:
    """Return the port of the running stack's own Postgres; None: no stack runs."""
    try:
        return next(int(one["port"]) for one in read_state(dev_dir)["processes"] if one["name"] == "postgres")
    except (FileNotFoundError, StopIteration):
        return None


@contextmanager
def lock(dev_dir: Path) -> Iterator[None]:
    """Lock the directory: two stacks over the same data would destroy it. Raises StartError when it is locked."""
    if not dev_dir.exists():
        dev_dir.mkdir(parents=True)
        dev_dir.chmod(DEV_DIR_MODE)
    with (dev_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            advice = "stop it first, or set DEV_DIR to another directory"
            raise StartError(f"Another local stack runs in {dev_dir}: {advice}.") from error
        yield


def _http_part(process: Process, port: int, path: str, stage: int) -> Part:
    process.ready = answers(port, path)
    return Part(process, port, stage)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]
