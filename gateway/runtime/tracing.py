"""Traces by OpenTelemetry: a span for each webhook, turn and send; the agent's run of a turn belongs to its trace.

Without an endpoint nothing is recorded. Attributes are our own ids and counts, never content or numbers.
"""

from __future__ import annotations

from opentelemetry import propagate, trace

SERVICE = "whatsapp-gateway"

tracer = trace.get_tracer(SERVICE)


def configure_tracing(endpoint: str | None, service: str = SERVICE) -> None:
    """Send spans to an OTLP/HTTP collector (such as `http://collector:4318`) from now on. None: record nothing."""
    if endpoint is None:
        return
    # Imported where spans are recorded only: they take as long as half of the other imports of a process.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def trace_headers() -> dict[str, str]:
    """Return the current span as W3C headers (`traceparent`) for a request that belongs to it; empty without a span."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers
