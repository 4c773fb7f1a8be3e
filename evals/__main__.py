"""`python -m evals [department …]`: run the conversations with AGENT_MODEL, else with the demo model."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from dotenv import load_dotenv

from simulator.ports import HOST, free_port, listens
from simulator.stack.postgres import Postgres
from simulator.stack.process import Process


def main() -> None:
    """Run the conversations and print the results; the exit code is 0 if all passed."""
    load_dotenv(Path.cwd() / ".env")
    own_model = bool(os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Postgres(folder / "postgres") as postgres:
            os.environ |= {
                "DATABASE_URL": postgres.create_database("evals"),
                "BUSINESS_DATABASE_URL": "",
                "BUSINESS_API_URL": "",
                "AGENT_DATABASE_URL": "",
                "KNOWLEDGE_DATABASE_URL": "",
            }
            if own_model:
                sys.exit(_run())
            with _demo_model(folder):
                print("No model is configured (OPENAI_API_KEY, OPENAI_BASE_URL): the demo model answers.")
                sys.exit(_run())


def _demo_model(folder: Path) -> Process:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "SIMULATOR_PORT": str(port), "GATEWAY_PORT": str(free_port())}
    os.environ |= {
        "OPENAI_BASE_URL": f"http://{HOST}:{port}/v1",
        "OPENAI_API_KEY": "demo",
        "AGENT_MODEL": "openai:demo",
        "EMBEDDINGS_MODEL": "demo",
        "EMBEDDINGS_URL": "",
    }
    command = [sys.executable, "-m", "simulator", "serve"]
    return Process("demo model", command, folder / "model.log", environment, ready=lambda: listens(port))


def _run() -> int:
    # Imported here, because the graph reads its settings when it is imported.
    from evals.cases import load
    from evals.knowledge.measure import measure
    from evals.run import run, table
    from graph.business import business, create
    from graph.settings import settings

    async def run_all() -> int:
        await create(settings().business_database)
        cases = [case for case in load() if not sys.argv[1:] or case.department in sys.argv[1:]]
        results = await run(cases)
        await business().close()
        print(f"model: {settings().agent_model}\n{table(results)}")
        if not sys.argv[1:] or "knowledge" in sys.argv[1:]:
            print(f"knowledge:\n{await measure()}")
        return int(any(result.faults for result in results))

    return asyncio.run(run_all())


main()
