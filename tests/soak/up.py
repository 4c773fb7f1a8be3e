"""The local stack with two processes of each kind, behind proxies: `python -m tests.soak.up`, as `simulator up`.

`SOAK_PORTS` holds the ports as JSON: those of the second processes, and those of the proxies by name.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

from simulator.ports import HOST
from simulator.settings import environment
from simulator.stack.plan import Plan, make_plan
from simulator.stack.process import Process
from simulator.stack.stack import Stack
from simulator.stack.supervise import Part, answers

SECOND = "gateway serve 2", "gateway work 2"


class SoakStack(Stack):
    """The local stack whose programs reach each other, Postgres and Meta through the proxies."""

    def __init__(self, plan: Plan, ports: dict[str, int]) -> None:
        super().__init__(plan, report=_report)
        self._ports = ports

    def _programs(self) -> Iterator[Part]:
        for part in super()._programs():
            if part.name == "simulator":
                webhook = f"http://{HOST}:{self._ports['webhook']}/webhook/whatsapp"
                part.process.env = {**(part.process.env or {}), "SIMULATOR_WEBHOOK_URL": webhook}
            yield part
            if f"{part.name} 2" in SECOND:
                yield self._second(part)

    def _second(self, part: Part) -> Part:
        """Return another process like that of the part, on ports of its own."""
        name, ports, first = f"{part.name} 2", self._ports, part.process
        process = replace(first, name=name, log=first.log.with_name(f"{name.replace(' ', '-')}.log"))
        if part.name == "gateway serve":
            own = {"GATEWAY_PORT": str(ports["serve 2"]), "OPS_PORT": str(ports["serve 2 ops"])}
            return self._on(process, ports["serve 2"], own, ports["serve 2 ops"], part.stage)
        own = {"WORK_PORT": str(ports["work 2"])}
        return self._on(process, ports["work 2"], own, ports["work 2"], part.stage)

    @staticmethod
    def _on(process: Process, port: int, own: dict[str, str], asked: int, stage: int) -> Part:
        process = replace(process, env={**(process.env or {}), **own}, ready=answers(asked, "/readyz"))
        return Part(process, port, stage)


def _report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def through_proxies(plan: Plan, ports: dict[str, int]) -> Plan:
    """Return the plan whose parts have the proxies' addresses instead of each other's."""
    variables = plan.variables
    for name in ("DATABASE_URL", "AGENT_DATABASE_URL", "BUSINESS_DATABASE_URL", "KNOWLEDGE_DATABASE_URL"):
        variables[name] = variables[name].replace(f":{plan.postgres_port}/", f":{ports['postgres']}/")
    variables["WHATSAPP_GRAPH_URL"] = f"http://{HOST}:{ports['meta']}"
    variables["OPENAI_BASE_URL"] = f"http://{HOST}:{ports['model']}/v1"
    variables["GATEWAY_URL"] = f"http://{HOST}:{ports['internal']}"
    variables["LANGGRAPH_URL"] = ",".join(f"http://{HOST}:{ports[f'to {name}']}" for name in plan.agent_ports)
    return plan


def main() -> None:
    """Run until a signal ends it."""
    ports = json.loads(os.environ["SOAK_PORTS"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        SoakStack(through_proxies(make_plan(environment()), ports), ports).run()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
