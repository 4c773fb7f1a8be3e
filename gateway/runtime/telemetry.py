"""Logs and metrics of the gateway, every name in one place.

No label or line holds a message text, a phone number or a token. A customer is named by our own ids.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from gateway.runtime.exception_shapes import shape_of_exception

# Their request lines hold addresses, and these hold ids of customers.
_WARNINGS_ONLY = ("httpx", "httpcore", "uvicorn.access")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)

RECEIVED = Counter("whatsapp_messages_received", "Messages that customers sent", ["type"])
SENT = Counter("whatsapp_messages_sent", "Messages that Meta accepted", ["type"])
ERRORS = Counter("whatsapp_errors", "What went wrong, by kind", ["type"])
PROCESSING = Histogram(
    "whatsapp_processing_seconds", "From a customer's last message to Meta's acceptance of the reply", buckets=_SECONDS
)
ACK = Histogram("whatsapp_webhook_ack_seconds", "From a webhook's arrival to its acknowledgement", buckets=_SECONDS)
WEBHOOKS = Counter("whatsapp_webhooks", "Webhook requests, by the status they were answered with", ["status"])
SIGNATURE_FAILURES = Counter("whatsapp_webhook_signature_failures", "Webhooks whose signature was missing or wrong")
VERIFICATION_FAILURES = Counter("whatsapp_webhook_verification_failures", "Verifications with a wrong verify token")
CONNECTIONS_CLOSED = Counter("whatsapp_connections_closed", "Connections closed by a bound of their port", ["bound"])
FOREIGN = Counter("whatsapp_webhook_foreign_items", "Items refused because another app's secret had signed them")
DOUBTS = Counter("whatsapp_identity_doubts", "Numbers that may have changed hands, by why", ["cause"])
PROOFS = Counter("whatsapp_identity_proofs", "Tries of a customer to prove who they are, by outcome", ["outcome"])
EVENTS = Counter("whatsapp_events", "Items of webhooks processed, by what became of them", ["state"])
TURNS = Counter("whatsapp_turns", "Turns ended, by how", ["outcome"])
TOKENS = Counter("whatsapp_model_tokens", "Tokens that models of the agent used", ["model", "kind"])
TURNS_IN_FLIGHT = Gauge("whatsapp_turns_in_flight", "Turns that this process holds")
AGENT_SERVERS = Gauge("whatsapp_agent_servers", "Agent servers, as this process sees them", ["state"])
RUN = Histogram("whatsapp_run_seconds", "A run of the agent, from its creation to its end", buckets=_SECONDS)
SENDS = Counter("whatsapp_sends", "Attempts to send, by outcome and Meta's error code", ["outcome", "code"])
LIMITER_WAITS = Counter("whatsapp_limiter_waits", "Sends that a rate limit put off", ["limit"])
TAKES = Counter("whatsapp_takes", "Conversations that people took, by whether they came first", ["outcome"])
EPISODES = Counter("whatsapp_episodes_idle", "Episodes closed because nobody wrote any more")
MEDIA = Counter("whatsapp_media", "Attempts to fetch media of customers, by what became of it", ["outcome"])
QUEUE = Gauge("whatsapp_queue_depth", "What waits", ["queue"])
QUEUE_AGE = Gauge("whatsapp_queue_age_seconds", "How long the oldest has waited", ["queue"])
QUALITY = Gauge("whatsapp_number_quality", "3 green, 2 yellow, 1 red, 0 not known", ["phone_number_id"])
TOKEN_DAYS_LEFT = Gauge("whatsapp_token_days_left", "Until the access token ends; +Inf: never", ["phone_number_id"])
API_VERSION_DAYS_LEFT = Gauge("whatsapp_api_version_days_left", "Until Meta ends this version; +Inf: not announced")
BLOCKED = Gauge("whatsapp_number_blocked", "1 while Meta refuses whatever this number sends", ["phone_number_id"])
UNCERTAIN = Gauge("whatsapp_messages_uncertain", "Sends of which nobody knows whether Meta has them")
BACKUPS = Gauge("whatsapp_backup_timestamp_seconds", "When the newest backup was made, the last drill passed", ["kind"])
DATA_REQUESTS = Gauge("whatsapp_data_requests", "Open exports and erasures of personal data", ["kind", "state"])
DATA_REQUEST_AGE = Gauge(
    "whatsapp_data_request_age_seconds", "How long the oldest open one has waited", ["kind", "state"]
)
LOGINS = Counter("whatsapp_console_logins", "Tries of people to sign in to the console, by outcome", ["outcome"])

# Only `serve` counts these. Zeros from `work` would hide from an alert that no process counts them.
_OF_SERVE = (ACK, WEBHOOKS, SIGNATURE_FAILURES, VERIFICATION_FAILURES, FOREIGN)


def leave_out_the_webhook() -> None:
    """Export no metrics of webhooks from now on, in a process that receives none."""
    for metric in _OF_SERVE:
        REGISTRY.unregister(metric)


def configure_logging(level: str = "info", style: str = "auto") -> None:
    """Send all log lines, those of libraries included, to stderr: as JSON, or as text on a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(text=style == "text" or (style == "auto" and sys.stderr.isatty())))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.raiseExceptions = False  # a line that cannot be written would be quoted, with a traceback
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _formatter(*, text: bool) -> structlog.stdlib.ProcessorFormatter:
    """Return the formatter of all lines, which also completes those that libraries log without structlog."""
    last = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer(ensure_ascii=False)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_processors(), processors=[remove, last])


def _processors() -> list[Any]:
    """Return the processors that every line passes, from our code or a library."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        shape_of_exception,
    ]
