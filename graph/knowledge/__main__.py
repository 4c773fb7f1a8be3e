"""`python -m graph.knowledge`: `migrate` creates the tables, `sync FOLDER` publishes files, `embed` makes vectors.

`check` runs the evaluation cases with what is published.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
import stamina

from graph.knowledge.embeddings import FAILURES
from graph.knowledge.files import FileError
from graph.knowledge.sync import Outcome, sync
from graph.knowledge.tables import create_tables, knowledge
from graph.settings import settings

log = logging.getLogger(__name__)

DEMO = Path(__file__).with_name("demo")
NO_VECTORS = (
    "Postgres has no pgvector 0.7 or newer, or nobody may create it (CREATE EXTENSION vector SCHEMA public, as a"
    " superuser; then migrate again): knowledge is searched by words alone."
)
# A new release starts this program together with its Postgres.
_patient = stamina.retry(on=psycopg.OperationalError, attempts=None, timeout=60, wait_initial=0.5, wait_max=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 1 if a file is wrong or a case fails."""
    parser = argparse.ArgumentParser(prog="python -m graph.knowledge", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="create missing tables")
    migrate.add_argument("--demo", action="store_true", help="also publish the demo's texts")
    migrate.add_argument("--sync", type=Path, metavar="FOLDER", help="also do what sync does")
    synced = commands.add_parser("sync", help="publish the Markdown of a folder, take back what it has no more")
    synced.add_argument("folder", type=Path)
    synced.add_argument("--name", default="files", help="tells several folders apart (default: %(default)s)")
    commands.add_parser("embed", help="make missing vectors now (the agent server does it too)")
    commands.add_parser("check", help="run the evaluation cases; exit code 1 if one gets no passage")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return asyncio.run(_run(chosen))


async def _run(chosen: argparse.Namespace) -> int:
    if chosen.command == "embed":
        return await _embed()
    if chosen.command == "check":
        return await _check()
    if chosen.command == "sync":
        return await _sync(chosen.folder, chosen.name)
    with_vectors = await _patient(create_tables)(settings().knowledge_database)
    log.info("The tables of the knowledge are in place (schema knowledge).")
    if not with_vectors:
        log.warning(NO_VECTORS)
    folders = {"demo": DEMO if chosen.demo else None, "files": chosen.sync}
    return max([await _sync(folder, name) for name, folder in folders.items() if folder], default=0)


async def _sync(folder: Path, name: str) -> int:
    try:
        outcome = await sync(knowledge().sources, folder, name)
    except FileError as error:
        log.error("%s", error)
        return 1
    finally:
        await knowledge().close()
    return _report(outcome)


def _report(outcome: Outcome) -> int:
    log.info("%d texts: %d published, %d taken back.", outcome.texts, outcome.published, outcome.taken_back)
    for place, problem in outcome.problems.items():
        log.error("%s: %s.", place, problem)
    return int(bool(outcome.problems))


async def _embed() -> int:
    try:
        log.info("Vectors were made for %d passages.", await knowledge().vectors.embed_missing())
    except FAILURES as error:
        log.error("The server of EMBEDDINGS_MODEL does not answer: %s.", type(error).__name__)
        return 1
    finally:
        await knowledge().close()
    return 0


async def _check() -> int:
    try:
        outcomes = await knowledge().cases.run()
    finally:
        await knowledge().close()
    for one in outcomes:
        log.info("%s %s: %s", "ok  " if one.found else "FAIL", one.question, one.found or "no passage")
    failed = sum(one.found is None for one in outcomes)
    log.info("%d cases, %d failed.", len(outcomes), failed)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
