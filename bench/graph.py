"""The cost of the graph itself: its turns next to those of a bare `create_agent`, run through the server's API.

One agent server (`python -m graph.server.launch`, the open edition, production configuration) serves both graphs
(`bench.served`), with the same checkpointer in Postgres and the same model, the simulator's. The turns of both
alternate, each in a thread of its own whose history was made first through the API; runs are made as the gateway makes
them (`durability="sync"`). A turn's own time is

    run_ended_at - run_started_at    both as the server says in its log ("Background run succeeded"); it begins when a
                                     worker has taken the run, so the queue and its polling are not in it
    - the model calls                from before the model's client is called until it has answered, HTTP included,
                                     by a callback inside the server

What remains are the graph, its checkpoints and what the server does for every run.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from langgraph_sdk.client import LangGraphClient

from simulator.ports import HOST, free_port
from simulator.stack.postgres import Postgres
from simulator.stack.process import Process

ROOT = Path(__file__).parents[1]
TOKEN = "bench"
HISTORIES = (0, 50, 200)  # messages
TURNS = 60
WARM_UP = 5
NOW = "2026-11-23T12:00:00+00:00"
MAX_RATIO = 1.5
SAMPLE_TEXTS = ("Oi, queria saber quando chega a minha lente, por favor.", "Claro! O seu pedido está em separação. 😊")
GRAPHS = ("bare", "agent")
_PATHS = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as (url, log):
        run_ids = asyncio.run(_turns(url))
        times = _own_times(log)
        columns = "".join(f"{column:>11}" for column in ("bare p50", "bare p95", "ours p50", "ours p95"))
        print(f"{'messages':>8}{columns}   ratio of p50, aim ≤ {MAX_RATIO}")
        for length in HISTORIES:
            _row(length, *([times[run] for run in run_ids[graph, length]] for graph in GRAPHS))


def history(length: int) -> list[dict[str, str]]:
    """Return this many messages of customer and agent in turn, of a usual length."""
    return [
        {"type": ("human", "ai")[number % 2], "content": f"{SAMPLE_TEXTS[number % 2]} ({number})", "id": f"m{number}"}
        for number in range(length)
    ]


def turn_input(graph: str, turn: str) -> dict[str, Any]:
    """Return the input of one turn: the run contract's, or what a bare agent takes."""
    if graph == "bare":
        return {"messages": [{"type": "human", "content": "E agora?", "id": turn}]}
    message = {"id": f"wamid.{turn}", "kind": "text", "text": "E agora?", "timestamp": NOW}
    return {"turn_id": turn, "inbound": [message], "since": []}


async def _turns(url: str) -> dict[tuple[str, int], list[str]]:
    """Return the ids of the runs by graph and length of the history, without those of the warm-up."""
    run_ids: dict[tuple[str, int], list[str]] = defaultdict(list)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        client = LangGraphClient(http)
        for length, number, graph in itertools.product(HISTORIES, range(WARM_UP + TURNS), GRAPHS):
            run = await _turn(client, graph, length)
            if number >= WARM_UP:
                run_ids[graph, length].append(run)
    return run_ids


async def _turn(client: LangGraphClient, graph: str, length: int) -> str:
    thread = (await client.threads.create(graph_id=graph))["thread_id"]
    if length:
        await client.threads.update_state(thread, {"messages": history(length)}, as_node="model")
    turn = str(uuid.uuid4())
    context: Any = {"customer_id": thread, "customer_keys": [{"kind": "wa_id", "value": "5511987654321"}]}
    run: Any = await client.runs.create(
        thread, graph, input=turn_input(graph, turn), context=context if graph == "agent" else None, durability="sync"
    )
    answer: Any = await client.runs.join(thread, run["run_id"])
    assert answer.get("replies") or answer["messages"][-1]["type"] == "ai", answer
    return str(run["run_id"])


def _own_times(log: Path) -> dict[str, float]:
    """Return the milliseconds of each run without its model calls."""
    spent: dict[str, float] = {}
    asked: dict[str, list[float]] = defaultdict(list)
    for entry in _entries(log):
        if entry.get("event") == "Background run succeeded":
            ended, started = (datetime.fromisoformat(entry[name]) for name in ("run_ended_at", "run_started_at"))
            spent[entry["run_id"]] = (ended - started).total_seconds() * 1000
        elif entry.get("event") == "model call":
            asked[entry["server_run"]].append(entry["model_ms"])
    wrong = [run for run in spent if len(asked[run]) != 1]
    assert not wrong, f"runs without exactly one model call: {wrong[:3]}"
    return {run: whole - sum(asked[run]) for run, whole in spent.items()}


def _entries(log: Path) -> Iterator[Mapping[str, Any]]:
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _row(length: int, bare: list[float], ours: list[float]) -> None:
    cells = [number for times in (bare, ours) for number in (statistics.median(times), _p95(times))]
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"{length:>8}" + "".join(f"{number:>8.1f} ms" for number in cells) + f"   {ratio:.2f}")


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the agent server's address and its log; start Postgres and the simulator for it."""
    folder.chmod(0o755)  # Postgres runs as another user
    port, model_port, log = free_port(), free_port(), folder / "agent.log"
    with (
        Postgres(folder / "postgres") as postgres,
        _simulator(folder, model_port),
        _agent(folder, port, model_port, postgres.create_database("bench"), log),
    ):
        yield f"http://{HOST}:{port}", log


def _simulator(folder: Path, port: int) -> Process:
    command = [sys.executable, "-m", "simulator", "serve"]
    environment = {**_PATHS, "SIMULATOR_PORT": str(port), "DEV_DIR": str(folder)}
    ready = _answers(f"http://{HOST}:{port}/_sim/health")
    return Process("simulator", command, folder / "simulator.log", environment, folder, ready=ready)


def _agent(folder: Path, port: int, model_port: int, database: str, log: Path) -> Process:
    config = json.loads((ROOT / "langgraph.production.json").read_text())
    config["graphs"] = {graph: f"bench.served:{graph}" for graph in GRAPHS}
    (folder / "langgraph.json").write_text(json.dumps(config))
    command = [
        sys.executable,
        "-m",
        "graph.server.launch",
        "--port",
        str(port),
        "--config",
        str(folder / "langgraph.json"),
    ]
    environment = {
        **_PATHS,
        "DATABASE_URL": database,
        "LANGGRAPH_TOKEN": TOKEN,
        "OPENAI_BASE_URL": f"http://{HOST}:{model_port}/v1",
        "OPENAI_API_KEY": "simulator-key",
        "AGENT_MODEL": "openai:demo",
        "LOG_JSON": "true",
        "LANGSMITH_TRACING": "false",
    }
    ready = _answers(f"http://{HOST}:{port}/ok")
    return Process("agent", command, log, environment, folder, ready=ready, start_seconds=120)


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return ready
