"""``python -m graph.business``: create tables and demo rows in BUSINESS_DATABASE_URL."""

from __future__ import annotations

import asyncio
import logging

from graph.business.demo import create
from graph.settings import settings


def main() -> None:
    """Create tables and demo rows; nothing where the company's data is behind BUSINESS_API_URL."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log = logging.getLogger(__name__)
    if settings().business_api_url:
        log.info("BUSINESS_API_URL is set: the business data is the company's own, nothing to create.")
        return
    asyncio.run(create(settings().business_database))
    log.info("Business tables and demo rows are in place (schema business).")


if __name__ == "__main__":
    main()
