"""Run the conversations through the graph, in this process, with their own database."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from evals.cases import Case, Turn, TurnResult, faults
from graph.agent import build
from graph.business import DEMO_KEY
from graph.settings import settings
from graph.turn.model import chat_model

STRANGER = "5511900000000"
CONCURRENT_CASES = 4


@dataclass
class Result:
    """A case and the faults in it, by turn; `seconds`: the time of all its turns."""

    case: Case
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


async def run(cases: Sequence[Case]) -> list[Result]:
    """Return results in the order of the cases, run in parallel. An error of the model is raised."""
    slots = asyncio.Semaphore(CONCURRENT_CASES)

    async def one(case: Case) -> Result:
        async with slots:
            return await _converse(case)

    return [*await asyncio.gather(*map(one, cases))]


async def _converse(case: Case) -> Result:
    graph = build(chat_model(settings().agent_model), InMemorySaver(), InMemoryStore())
    keys = [{"kind": "wa_id", "value": STRANGER if case.stranger else DEMO_KEY.value}]
    context = {"customer_id": str(uuid.uuid4()), "customer_keys": keys, **case.context}
    config: Any = {"configurable": {"thread_id": str(uuid.uuid4())}}
    result, started = Result(case), time.monotonic()
    for number, turn in enumerate(case.turn, 1):
        output = await graph.ainvoke(_input(turn), config, context=context)
        got = _turn_result(output, (await graph.aget_state(config)).values["messages"])
        result.faults += [f"turn {number}: {fault}" for fault in faults(turn, got)]
    result.seconds = time.monotonic() - started
    return result


def _input(turn: Turn) -> dict[str, Any]:
    turn_id = str(uuid.uuid4())
    message = {"id": f"wamid.{turn_id}", "kind": "text", "text": turn.say, "timestamp": datetime.now(UTC).isoformat()}
    return {"turn_id": turn_id, "inbound": [message], "since": []}


def _turn_result(output: dict[str, Any], messages: Sequence[Any]) -> TurnResult:
    last = max(place for place, message in enumerate(messages) if isinstance(message, HumanMessage))
    made = [
        call["name"] for message in messages[last:] if isinstance(message, AIMessage) for call in message.tool_calls
    ]
    replies = output["replies"]
    return TurnResult(
        text="\n".join(str(reply.get("text") or reply.get("body") or reply.get("caption") or "") for reply in replies),
        calls=made,
        types=[reply["type"] for reply in replies],
        handoff=output["handoff"] is not None,
    )


def table(results: Sequence[Result]) -> str:
    """Return a table of passed and failed cases by department, then the faults."""
    lines = [f"{'department':<12} {'cases':>5} {'passed':>6} {'share':>6} {'s/case':>7}"]
    for name in [*dict.fromkeys(result.case.department for result in results), "all"]:
        of = [result for result in results if name in (result.case.department, "all")]
        if not of:
            continue
        good = sum(not result.faults for result in of)
        seconds = sum(result.seconds for result in of) / len(of)
        lines.append(f"{name:<12} {len(of):>5} {good:>6} {good / len(of):>6.0%} {seconds:>7.2f}")
    lines += [f"- {r.case.department}/{r.case.name}: {'; '.join(r.faults)}" for r in results if r.faults]
    return "\n".join(lines)
