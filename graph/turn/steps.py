"""The tools that the agent called in a turn, as people read them in the console."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage

from graph.contract.state import Step, StepPassage
from graph.history.passages import passages_of
from graph.history.transcript import after_last_customer_message
from graph.policy.masking import mask

_MOST_STEPS = 20  # the last ones
_ARGUMENTS_LENGTH, _RESULT_LENGTH = 300, 600


def steps_of(messages: Sequence[AnyMessage], named: Collection[int] = ()) -> list[Step]:
    """Return the tool calls since the customer's last message, in order; card and document numbers are masked.

    named: the numbers of the passages that the answer names.
    """
    turn = after_last_customer_message(messages)
    results = {one.tool_call_id: one for one in turn if isinstance(one, ToolMessage)}
    calls = [call for one in turn if isinstance(one, AIMessage) for call in one.tool_calls]
    return [_step(call, results.get(call["id"] or ""), named) for call in calls[-_MOST_STEPS:]]


def _step(call: ToolCall, result: ToolMessage | None, named: Collection[int]) -> Step:
    step = Step(
        tool=call["name"],
        arguments=_short(json.dumps(call["args"], ensure_ascii=False) if call["args"] else "", _ARGUMENTS_LENGTH),
        result=_short(result.text if result else "", _RESULT_LENGTH),
    )
    if passages := passages_of(result) if result else []:
        step["passages"] = [
            StepPassage(
                id=one["id"],
                source=one["source"],
                version=one["version"],
                title=one["title"],
                used=one["number"] in named,
            )
            for one in passages
        ]
    return step


def _short(text: str, length: int) -> str:
    masked = mask(text)
    return masked if len(masked) <= length else masked[: length - 1] + "…"
