"""The log line of every retry in the graph, without the arguments of the call."""

from __future__ import annotations

import logging

from stamina.instrumentation import RetryDetails, set_on_retry_hooks

log = logging.getLogger(__name__)


def _log_retry(details: RetryDetails) -> None:
    # stamina's own log line quotes the arguments, which hold a customer's numbers and words.
    log.warning("%s: %s, again in %.1f s", details.name, type(details.caused_by).__name__, details.wait_for)


set_on_retry_hooks([_log_retry])
