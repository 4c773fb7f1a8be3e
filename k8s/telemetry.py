"""Logs and metrics of the operator, every name in one place. No label or line holds a token or a phone number."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from k8s.exception_shapes import shape_of_exception

_BUCKETS_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

RECONCILES = Counter("whatsapp_operator_reconciles", "Resources reconciled, by kind and outcome", ["kind", "outcome"])
RECONCILE = Histogram("whatsapp_operator_reconcile_seconds", "One reconcile", ["kind"], buckets=_BUCKETS_SECONDS)
CALLS = Counter("whatsapp_operator_meta_calls", "Calls to Meta, by what they do and outcome", ["call", "outcome"])
CALL = Histogram("whatsapp_operator_meta_call_seconds", "One call to Meta", ["call"], buckets=_BUCKETS_SECONDS)
CALLS_LEFT = Gauge("whatsapp_operator_meta_calls_left", "Calls left in this hour of the account with the fewest")
WAITING = Gauge("whatsapp_operator_templates_waiting", "Changes to templates that wait for Meta's rate limit")
RESOURCES = Gauge("whatsapp_operator_resources", "Resources by kind and the status of Ready", ["kind", "ready"])
TEMPLATES = Gauge("whatsapp_operator_templates", "Templates by what Meta says of them", ["state"])
TOKEN_DAYS = Gauge(
    "whatsapp_operator_token_days_left", "Days until the access token expires (none: never)", ["namespace", "name"]
)
QUALITY = Gauge(
    "whatsapp_operator_number_quality", "Quality: 3 green, 2 yellow, 1 red, 0 unknown", ["namespace", "name"]
)


def configure_logging(level: str = "info", style: str = "auto") -> None:
    """Send everything, foreign loggers included, to stderr: as JSON lines, or as text on a terminal."""
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        shape_of_exception,
    ]
    last = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer(ensure_ascii=False)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, last]))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.raiseExceptions = False  # a line that cannot be written would be quoted, with a traceback
    # Addresses of requests hold the token that is checked; kopf tells of every timer that fired.
    for name in ("httpx", "httpcore", "kopf.objects", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
