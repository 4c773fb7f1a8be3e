"""A run joins the trace of the request that started it."""

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Literal

import langsmith
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from starlette.types import Receive, Scope, Send

from graph.server.tracing import JoinTrace, configure_tracing, in_place_unless_traced

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Seen:
    """An app that records the span in which it is called."""

    span: trace.Span | None = None
    recording = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.span = trace.get_current_span()
        self.recording = self.span.is_recording()  # what langgraph-api asks before it hands the span to its worker


async def ask(headers: list[tuple[bytes, bytes]]) -> tuple[trace.Span, bool]:
    app = Seen()

    async def unused(*_: object) -> None:
        raise AssertionError

    tracer = TracerProvider().get_tracer("test")
    await JoinTrace(app, tracer)({"type": "http", "headers": headers}, unused, unused)  # type: ignore[arg-type]
    assert app.span is not None
    return app.span, app.recording


async def test_a_request_with_a_trace_goes_on_in_it() -> None:
    span, recording = await ask([(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())])
    assert f"{span.get_span_context().trace_id:032x}" == TRACE
    assert recording


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer x")]])
async def test_a_request_without_one_starts_none(headers: list[tuple[bytes, bytes]]) -> None:
    assert (await ask(headers))[1] is False


def test_without_a_collector_nothing_is_configured() -> None:
    before = trace.get_tracer_provider()
    configure_tracing(None)
    assert trace.get_tracer_provider() is before


@pytest.mark.parametrize(("tracing", "threads"), [(False, 0), ("local", 1)])
async def test_langsmith_takes_a_thread_only_while_it_traces(tracing: Literal[False, "local"], threads: int) -> None:
    taken: list[object] = []

    async def in_thread(context: Context, call: Callable[[], str]) -> str:
        taken.append(call)
        return context.run(call)

    with langsmith.tracing_context(enabled=tracing):
        assert await in_place_unless_traced(in_thread, copy_context(), lambda: "done") == "done"
    assert len(taken) == threads
