"""The graphs of the benchmark `graph`: ours and a bare `create_agent`, with the same model.

The server loads this module (see `bench.graph`). Its log has the duration of each model call.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import structlog
from langchain.agents import create_agent
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from graph.agent import agent
from graph.settings import settings
from graph.tools import TOOLS
from graph.turn.model import chat_model

log = structlog.stdlib.get_logger(__name__)


class Clock(AsyncCallbackHandler):
    """Log the duration of each model call with the id of the run on the server that made it."""

    def __init__(self) -> None:
        self._begun: dict[UUID, tuple[float, str]] = {}

    async def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Note the start of a model call."""
        self._begun[run_id] = (time.perf_counter(), str((metadata or {}).get("run_id")))

    async def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
        """Log the duration of a model call."""
        begun, server_run = self._begun.pop(run_id)
        log.info("model call", server_run=server_run, model_ms=(time.perf_counter() - begun) * 1000)


model = chat_model(settings().agent_model)
model.callbacks = [Clock()]
bare = create_agent(model, [*TOOLS], system_prompt="Seja gentil.", name="bare")

__all__ = ["agent", "bare"]
