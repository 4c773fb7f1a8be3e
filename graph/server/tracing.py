"""Traces by OpenTelemetry: a run belongs to the trace of the gateway's request that started it.

langgraph-api passes the current span on to its workers, but starts none for a request; this module does. Without an
endpoint nothing is recorded. Attributes are the server's ids, never content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

from langsmith.utils import tracing_is_enabled
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

SERVICE = "whatsapp-agent"


def configure_tracing(endpoint: str | None, service: str = SERVICE) -> None:
    """Send spans to an OTLP/HTTP collector (such as `http://collector:4318`) from now on. None: record nothing."""
    if endpoint is None:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


class JoinTrace:
    """Starts a span for each request with a trace of its sender; `tracer`: instead of the process's own."""

    def __init__(self, app: ASGIApp, tracer: trace.Tracer | None = None) -> None:
        self.app = app
        self._tracer = tracer or trace.get_tracer(SERVICE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within a span if it has a trace."""
        headers = dict(Headers(scope=scope)) if scope["type"] == "http" else {}
        if "traceparent" not in headers:
            return await self.app(scope, receive, send)
        parent = propagate.extract(headers)
        with self._tracer.start_as_current_span("agent request", context=parent, kind=trace.SpanKind.SERVER):
            return await self.app(scope, receive, send)


async def in_place_unless_traced(
    in_thread: Callable[..., Awaitable[Any]],
    context: Context,
    call: Callable[..., Any],
    /,
    *args: Any,  # noqa: ANN401 - the call's own
    **more: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Make LangSmith's own calls (`langsmith.set_runtime_overrides`): in a thread only while it traces.

    langchain wraps every hook of a middleware for LangSmith, which changes to a thread before and after each one, even
    if tracing is off and there is nothing to do.
    """
    if tracing_is_enabled():
        return await in_thread(context, call, *args, **more)
    return context.run(call, *args, **more)
