"""The graph: a turn comes in, the model and its tools take turns, replies go out."""

from __future__ import annotations

from langchain.agents import create_agent

from graph.context import Context
from graph.model import ModelPolicy, chat_model
from graph.settings import settings
from graph.state import State
from graph.tools import TOOLS, ToolErrors
from graph.turn import Turn

agent = create_agent(
    chat_model(settings().agent_model),
    TOOLS,
    middleware=[Turn(), ModelPolicy(), ToolErrors()],
    state_schema=State,
    context_schema=Context,
    name="agent",
)
