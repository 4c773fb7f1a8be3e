"""A turn's span continues in the run, and contains nothing about the customer."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.store.database import Pool
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway


@pytest.fixture(scope="module")
def provider() -> TracerProvider:
    provider = TracerProvider()
    trace.set_tracer_provider(provider)  # once a process: OpenTelemetry allows no more
    return provider


@pytest.fixture
def spans(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


async def test_the_run_goes_on_with_the_turns_trace(pool: Pool, spans: InMemorySpanExporter) -> None:
    gateway = Gateway(pool)
    await gateway.receive(text("segredo"))
    await gateway.settle()
    [span] = spans.get_finished_spans()
    context = span.get_span_context()
    assert context is not None
    assert f"{context.trace_id:032x}" in gateway.agent.runs[0]["headers"]["traceparent"]
    for private in ("segredo", "5511987654321"):
        assert private not in span.to_json()
