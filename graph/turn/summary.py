"""Shorten a long history to a summary and its last turns. Numbers of orders and tickets are never lost."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from graph.contract.context import Context
from graph.contract.state import Usage
from graph.history.transcript import clean
from graph.model.failures import MODEL_FAILURES, answer_within
from graph.model.leaks import without_thoughts
from graph.policy.masking import mask
from graph.prompts import SUMMARY, language
from graph.settings import settings
from graph.turn.usage import usage_of

log = logging.getLogger(__name__)

CHARACTERS_PER_TOKEN = 3.5  # of Portuguese, a cautious estimate
TOKENS_PER_MESSAGE = 6
KEPT_SHARE = 0.4  # of the budget, for the last turns
LINE_LENGTH = 1500
SUMMARY_LENGTH = 4000
NUMBERED = re.compile(r"\b(?:Pedido|Chamado) [\w-]+")
NUMBERS_KEPT = 20
SPEAKERS = {"human": "Cliente", "ai": "Empresa", "tool": "Sistema"}


@dataclass(frozen=True)
class Shortened:
    """The messages that are left (None: nothing was shortened), the update of the state, and the usage of the model."""

    messages: list[AnyMessage] | None = None
    update: dict[str, Any] = field(default_factory=dict)
    usage: Usage | None = None


def tokens(messages: Sequence[AnyMessage]) -> int:
    """Return an estimate of the tokens of the messages."""
    return int(sum(map(_length, messages)) / CHARACTERS_PER_TOKEN) + TOKENS_PER_MESSAGE * len(messages)


async def shorten(model: BaseChatModel, history: Sequence[AnyMessage], before: str, context: Context) -> Shortened:
    """Summarise the turns beyond the budget (HISTORY_TOKENS), together with the earlier summary `before`.

    If the model fails, the history stays as it is, and the next turn tries again.
    """
    budget = settings().history_tokens
    cut = _cut(history, int(budget * KEPT_SHARE)) if tokens(history) > budget else 0
    if not cut:
        return Shortened()
    old, kept = history[:cut], list(history[cut:])
    try:
        asked = model.ainvoke(_request(old, before, context, budget))
        answer = await answer_within(asked, settings().model_timeout_seconds)
    except MODEL_FAILURES as error:
        log.warning("the history was not summarised: %s", type(error).__name__)
        return Shortened()
    written = mask(without_thoughts(clean(answer.text))).strip()[:SUMMARY_LENGTH]
    if not written:
        return Shortened(usage=usage_of([answer]))
    return Shortened(kept, {"summary": _with_numbers(written, before, old)}, usage_of([answer]))


def _cut(history: Sequence[AnyMessage], room: int) -> int:
    """Return where the last turns begin that fit into `room` tokens; the last turn is kept whatever its length."""
    starts = [
        place
        for place in range(1, len(history))
        if isinstance(history[place], HumanMessage) and not isinstance(history[place - 1], HumanMessage)
    ]
    fitting = (place for place in starts if tokens(history[place:]) <= room)
    return next(fitting, starts[-1] if starts else 0)


def _request(old: Sequence[AnyMessage], before: str, context: Context, budget: int) -> list[AnyMessage]:
    lines = [f"{_speaker(message)}: {message.text[:LINE_LENGTH]}" for message in old if message.text]
    conversation = "\n".join(lines)[-int(budget * CHARACTERS_PER_TOKEN * 2) :]
    earlier = f"Resumo anterior:\n{before}\n\n" if before else ""
    instructions = SystemMessage(SUMMARY.substitute(language=language(context.locale)))
    return [instructions, HumanMessage(f"{earlier}Conversa:\n{conversation}")]


def _speaker(message: AnyMessage) -> str:
    return "Atendente" if message.name == "atendente" else SPEAKERS.get(message.type, message.type)


def _with_numbers(summary: str, before: str, old: Sequence[AnyMessage]) -> str:
    """Return the summary with the orders and tickets that it left out; without numbers they could not be looked up."""
    facts = [message.text for message in old if isinstance(message, ToolMessage)]
    named = dict.fromkeys(NUMBERED.findall("\n".join([before, *facts])))
    missing = [name for name in named if name.split()[-1] not in summary]
    return f"{summary}\nTambém citados: {', '.join(missing[-NUMBERS_KEPT:])}" if missing else summary


def _length(message: AnyMessage) -> int:
    text = message.content if isinstance(message.content, str) else message.text
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return len(text) + sum(len(json.dumps(call["args"])) + len(call["name"]) for call in calls)
