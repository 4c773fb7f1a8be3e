"""The graph: a turn begins (`turn`), model and tools alternate (`model`, `tools`), replies are composed."""

from __future__ import annotations

from typing import Any

import langsmith
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore

from graph.contract.context import Context
from graph.contract.state import State
from graph.server.tracing import in_place_unless_traced
from graph.settings import settings
from graph.tools import TOOLS, ToolPolicy
from graph.turn.begin import Turn
from graph.turn.model import ModelPolicy, chat_model


def build(
    model: BaseChatModel,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    store: BaseStore | None = None,
) -> CompiledStateGraph[Any, Any]:
    """Return the graph around a model. LangGraph Server supplies its own checkpointer and store."""
    return create_agent(
        model,
        TOOLS,
        middleware=[Turn(model), ModelPolicy(), ToolPolicy()],
        state_schema=State,
        context_schema=Context,
        checkpointer=checkpointer,
        store=store,
        name="agent",
    )


langsmith.set_runtime_overrides(aio_to_thread=in_place_unless_traced)
agent = build(chat_model(settings().agent_model))
