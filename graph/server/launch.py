"""`python -m graph.server.launch`: LangGraph Server for the open edition, as a configuration file describes it.

Stock langgraph-api with the in-memory runtime under uvicorn. `langgraph dev` would do more than a pod needs: watch
files, look for a free port, admit LangGraph Studio.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn

from graph.server.leaving import OrderlyServer
from graph.server.server import RUNTIME_FOLDER, forget_runs

APP = "langgraph_api.server:app"
CONFIG = Path(__file__).parents[2] / "langgraph.production.json"  # next to the package, as in the repository
# The environment that selects the in-memory runtime, without files: the gateway owns the turns and restarts lost runs.
RUNTIME = {
    "LANGGRAPH_RUNTIME_EDITION": "inmem",
    "LANGSMITH_LANGGRAPH_API_VARIANT": "local_dev",
    "DATABASE_URI": ":memory:",
    "REDIS_URI": "fake",
    "MIGRATIONS_PATH": "__inmem",
    "LANGGRAPH_DISABLE_FILE_PERSISTENCE": "true",
    "LANGGRAPH_ALLOW_BLOCKING": "true",  # the watch for blocking calls is for development
}
# Keys of the file that the server takes as LANGGRAPH_<KEY> (langgraph_cli.config, version 0.4).
SECTIONS = ("auth", "http", "store", "checkpointer", "encryption", "webhooks")
LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"server": {"class": "langgraph_api.logging.Formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "server", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["console"]},
}


def server_environment(config: Mapping[str, Any], jobs: int) -> dict[str, str]:
    """Return the server's environment for a langgraph.json. Raises KeyError if that names no graphs."""
    sections = {f"LANGGRAPH_{key.upper()}": json.dumps(config[key]) for key in SECTIONS if key in config}
    return {
        **config.get("env", {}),
        **sections,
        **RUNTIME,
        "LANGSERVE_GRAPHS": json.dumps(config["graphs"]),
        "N_JOBS_PER_WORKER": str(jobs),
    }


def main() -> None:
    """Serve until SIGTERM; then runs, and requests in flight, may end."""
    arguments = _arguments()
    config = json.loads(arguments.config.read_text())
    for name, value in server_environment(config, arguments.jobs).items():
        # The file's "env" holds defaults: the pod's own environment takes precedence.
        os.environ[name] = os.environ.get(name, value) if name in config.get("env", {}) else value
    options: dict[str, Any] = {
        "host": arguments.host,
        "port": arguments.port,
        "timeout_graceful_shutdown": arguments.drain,
        "access_log": False,
        "log_config": LOG_CONFIG,
        "server_header": False,
    }
    if arguments.reload is not None:
        uvicorn.run(APP, **options, reload=True, reload_dirs=arguments.reload)
    else:
        OrderlyServer(uvicorn.Config(APP, **options), arguments.drain).run()
        forget_runs(RUNTIME_FOLDER)  # an orderly stop writes them all the same (langgraph-runtime-inmem 0.36)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m graph.server.launch", description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="default: %(default)s")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=2024, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=50, help="runs at a time (default: %(default)s)")
    parser.add_argument("--drain", type=int, default=180, help="seconds after SIGTERM for what has begun (%(default)s)")
    parser.add_argument("--reload", metavar="DIR", help="development: start again when a file in DIR changes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
