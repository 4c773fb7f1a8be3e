"""Trying again, without telling a log what was asked: every retry of the graph is set up here."""

from __future__ import annotations

import logging

from stamina.instrumentation import RetryDetails, set_on_retry_hooks

log = logging.getLogger(__name__)


def _log_retry(details: RetryDetails) -> None:
    # Not stamina's own log line: that quotes the arguments, which are a customer's numbers and words.
    log.warning("%s: %s, again in %.1f s", details.name, type(details.caused_by).__name__, details.wait_for)


set_on_retry_hooks([_log_retry])
