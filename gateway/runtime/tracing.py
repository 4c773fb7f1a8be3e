"""Traces by OpenTelemetry: a span for each webhook, turn and send, joined by the agent's run of that turn.

Without an endpoint nothing is recorded. Attributes are ids of ours and counts, never content or numbers.
"""

from __future__ import annotations

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

tracer = trace.get_tracer("whatsapp-gateway")


def configure_tracing(endpoint: str | None, process: str) -> None:
    """Send spans to an OTLP/HTTP collector (``http://collector:4318``) from now on; None: to nobody."""
    if endpoint is None:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": f"whatsapp-gateway-{process}"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def trace_headers() -> dict[str, str]:
    """The current span as W3C headers (``traceparent``), for a request that goes on with it; empty without one."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers
