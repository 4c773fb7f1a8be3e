"""Parts that every call to Meta needs: the login of a number, the error, the measurement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.whatsapp.api.management import Management
from gateway.whatsapp.api.uploads import Uploads
from k8s import telemetry
from k8s.model.observed import Problem


class MetaError(Exception):
    """A call to Meta failed; problem: why, for the status."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


@dataclass(frozen=True, slots=True)
class Login:
    """The clients that calls for one number need. The token does not show in its text."""

    management: Management
    uploads: Uploads
    token: str

    def __repr__(self) -> str:
        return "Login(…)"


@contextmanager
def measured(name: str) -> Iterator[None]:
    """Measure one call, and count it by its outcome."""
    started, outcome = time.perf_counter(), "ok"
    try:
        yield
    except MetaError as error:
        outcome = error.problem.reason
        raise
    finally:
        telemetry.CALL.labels(name).observe(time.perf_counter() - started)
        telemetry.CALLS.labels(name, outcome).inc()
