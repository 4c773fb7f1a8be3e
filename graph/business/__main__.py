"""`python -m graph.business`: create the tables in BUSINESS_DATABASE_URL; with `--demo` also a demo's rows."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Sequence

import psycopg
import stamina

from graph.business.demo import create, create_tables
from graph.settings import settings

# A new release starts this program together with its Postgres.
_patient = stamina.retry(on=psycopg.OperationalError, attempts=None, timeout=60, wait_initial=0.5, wait_max=2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Create missing tables; nothing if the company's data is behind BUSINESS_API_URL."""
    parser = argparse.ArgumentParser(prog="python -m graph.business", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="also a customer with orders, and products")
    demo = parser.parse_args(arguments).demo
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log = logging.getLogger(__name__)
    if settings().business_api_url:
        log.info("BUSINESS_API_URL is set: the business data is the company's own, nothing to create.")
        return
    asyncio.run(_patient(create if demo else create_tables)(settings().business_database))
    log.info("Business tables%s are in place (schema business).", " and demo rows" if demo else "")


if __name__ == "__main__":
    main()
