"""What the graph itself costs: a turn of ours beside one of a bare ``create_agent``, in the same run.

Both answer with a model that takes no time and keep their state in the same Postgres, as the server does
(``durability="sync"``); their turns alternate, so that the machine's moods hit both. The history is made first.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph

from simulator.postgres import Postgres

HISTORIES = (0, 50, 200)  # messages
TURNS = 60
WARM_UP = 5
NOW = "2026-11-23T12:00:00+00:00"
AIM = 1.5

Graph = CompiledStateGraph[Any, Any, Any, Any]


class InstantModel(BaseChatModel):
    """Answers at once, always the same."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[LanguageModelInput, AIMessage]:  # noqa: ANN401
        """Tools are accepted and not used."""
        return self.bind()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,  # noqa: ANN401
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Claro! O seu pedido está em separação."))])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:  # noqa: ANN401
        # Not the default, which starts a thread: that would be most of what is measured.
        return self._generate(*args, **kwargs)


def history(length: int) -> list[AnyMessage]:
    """So many messages of customer and agent in turn, of a usual length."""
    said = ("Oi, queria saber quando chega a minha lente, por favor.", "Claro! O seu pedido está em separação. 😊")
    return [
        (AIMessage if number % 2 else HumanMessage)(f"{said[number % 2]} ({number})", id=f"m{number}")
        for number in range(length)
    ]


class Ours:
    """Turns of our graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    async def prepare(self, thread: str, messages: list[AnyMessage]) -> None:
        """Give the thread its history."""
        if messages:
            await self.graph.aupdate_state(_config(thread), {"messages": messages}, as_node="model")

    async def turn(self, thread: str) -> None:
        """One turn."""
        turn = str(uuid.uuid4())
        message = {"id": f"wamid.{turn}", "kind": "text", "text": "E agora?", "timestamp": NOW}
        context = {"customer_id": thread, "customer_keys": [{"kind": "wa_id", "value": "5511987654321"}]}
        run_input: Any = {"turn_id": turn, "inbound": [message], "since": []}
        output = await self.graph.ainvoke(run_input, _config(thread), context=context, durability="sync")
        assert output["replies"]


class Bare(Ours):
    """Turns of an agent without anything of ours."""

    async def turn(self, thread: str) -> None:
        """One turn."""
        run_input: Any = {"messages": [HumanMessage("E agora?", id=str(uuid.uuid4()))]}
        output = await self.graph.ainvoke(run_input, _config(thread), durability="sync")
        assert output["messages"]


def _config(thread: str) -> Any:  # noqa: ANN401 - a RunnableConfig
    return {"configurable": {"thread_id": thread}}


async def _measure() -> None:
    # Here, because they read the settings when they are loaded.
    from graph import persistence
    from graph.agent import build
    from graph.tools import TOOLS

    async with persistence.checkpointer() as saver, persistence.store() as store:
        tools: list[BaseTool] = list(TOOLS)
        bare = Bare(create_agent(InstantModel(), tools, system_prompt="Seja gentil.", checkpointer=saver, store=store))
        ours = Ours(build(InstantModel(), saver, store))
        print(f"{'history':>8}  {'bare p50':>9}  {'ours p50':>9}  {'ours p95':>9}  {'ratio':>6}   aim ≤ {AIM}")
        for length in HISTORIES:
            _row(length, *await _alternate(bare, ours, history(length)))


async def _alternate(bare: Ours, ours: Ours, messages: list[AnyMessage]) -> tuple[list[float], list[float]]:
    """Milliseconds of the turns of both; each turn has a thread of its own, so that no history grows."""
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + TURNS):
        for one, times in zip((bare, ours), spent, strict=True):
            thread = str(uuid.uuid4())
            await one.prepare(thread, messages)
            started = time.perf_counter()
            await one.turn(thread)
            if number >= WARM_UP:
                times.append((time.perf_counter() - started) * 1000)
    return spent


def _row(length: int, bare: list[float], ours: list[float]) -> None:
    middle, own = statistics.median(bare), statistics.median(ours)
    late = statistics.quantiles(ours, n=20)[-1]
    print(f"{length:>8}  {middle:>6.1f} ms  {own:>6.1f} ms  {late:>6.1f} ms  {own / middle:>6.2f}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with Postgres(Path(folder) / "postgres") as postgres:
            os.environ |= {"DATABASE_URL": postgres.create_database("bench"), "OPENAI_API_KEY": "unused"}
            asyncio.run(_measure())
