"""The end of a turn: replies from the model's answer and the parts that tools prepared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from graph.contract.compose import compose, dump, split
from graph.contract.context import Context
from graph.contract.replies import REPLY, TEXT_LIMIT, ContactsReply, LocationReply, MediaReply, Reply, TextReply
from graph.contract.state import ANSWERS_KEPT, Answer, Handoff, Pending, Prepared, State, without_unchanged
from graph.history.passages import cited, given_passages
from graph.history.transcript import after_last_customer_message
from graph.model.guard import Fault
from graph.policy.confirmations import pending_change, question_replies
from graph.policy.departments import current_department, departments_of
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.tools.conversation import handoff_text
from graph.tools.policy import UNAVAILABLE
from graph.turn.steps import steps_of
from graph.turn.usage import added, usage_of

NOTHING_PREPARED = Prepared(parts=[], closing={})
FAILURES_BEFORE_HANDOFF = 3
FENCE_END = "\n```\n"  # of a code block that is cut
SUMMARY_LENGTH = 1500
WITHOUT_BUTTONS = (TextReply, MediaReply, LocationReply, ContactsReply)  # replies that may precede a question


def closing_message(state: State) -> AIMessage | None:
    """Return the closing message of the tools, if each of the model's last calls has a closing text."""
    texts = (state.get("prepared") or NOTHING_PREPARED)["closing"]
    if not texts or not isinstance(state["messages"][-1], ToolMessage):
        return None
    calls = next((m.tool_calls for m in reversed(state["messages"]) if isinstance(m, AIMessage)), [])
    closing = [texts[call["id"]] for call in calls if call["id"] in texts]
    return AIMessage("\n\n".join(filter(None, closing))) if closing and len(closing) == len(calls) else None


def repaired(message: AIMessage, fault: Fault | None) -> AIMessage:
    """Return the message in a form that may be sent and kept, whatever its fault."""
    if fault is None:
        return message
    text = {"long": _shortened, "cut": _whole_sentences}.get(fault, lambda _: "")(message.text) or _instead(fault)
    named = {name: value for name, value in message.response_metadata.items() if name == "model_name"}
    return AIMessage(text, id=message.id, usage_metadata=message.usage_metadata, response_metadata=named)


def finish(state: State, context: Context, message: AIMessage, fault: Fault | None) -> tuple[AIMessage, dict[str, Any]]:
    """Return the turn's last message and its update of the state: replies, handoff, and the kept answers."""
    message, named = _without_numbers(state, message)
    usage = added(state.get("spent"), usage_of([*after_last_customer_message(state["messages"]), message]))
    failures = state.get("failures", 0) + 1 if _failed(state, fault) else 0
    handoff = state.get("handoff")
    if failures >= FAILURES_BEFORE_HANDOFF and handoff is None:
        handoff, failures = Handoff(reason=TEXTS["three_failures"], summary=""), 0
        message = AIMessage(handoff_text(state, context), id=message.id)
    handoff = handoff and _whole(handoff, state, context)
    parts = [REPLY.validate_python(part) for part in (state.get("prepared") or NOTHING_PREPARED)["parts"]]
    asked = pending_change(state)
    if asked and asked["turn_id"] == state["turn_id"]:
        message, composed = _with_question(message, asked, parts, fault)
    else:
        composed = compose(message.text, parts)
    replies = dump(composed)
    answer = Answer(
        turn_id=state["turn_id"],
        replies=replies,
        handoff=handoff,
        verified=state.get("verified", False),
        erasure=state.get("erasure"),
        usage=usage,
    )
    kept = [*state.get("answers", []), answer][-ANSWERS_KEPT:]
    steps = steps_of(state["messages"], named)
    update = {**answer, "answers": kept, "failures": failures, "prepared": None, "steps": steps, "spent": None}
    update["answered"] = state["turn_id"]
    return message, without_unchanged(state, update)


def _without_numbers(state: State, message: AIMessage) -> tuple[AIMessage, frozenset[int]]:
    """Return the answer without the numbers of passages, with an address of theirs, and the numbers that it named."""
    text, named = cited(message.text, given_passages(after_last_customer_message(state["messages"])))
    links = [link for one in named if (link := one["link"]) and link not in text][:1]
    text = "\n\n".join([text, *(TEXTS["read_more"].format(link=link) for link in links)])
    changed = message if text == message.text else message.model_copy(update={"content": text})
    return changed, frozenset(one["number"] for one in named)


def _with_question(
    message: AIMessage, asked: Pending, parts: Sequence[Reply], fault: Fault | None
) -> tuple[AIMessage, list[Reply]]:
    """Return the answer with a question before a change: last, by itself, and the only message with buttons."""
    text = "" if fault in ("empty", "call", "unread") else message.text
    others = [part for part in parts if isinstance(part, WITHOUT_BUTTONS)]
    whole = "\n\n".join(filter(None, [text, asked["question"]]))
    kept = AIMessage(whole, id=message.id, usage_metadata=message.usage_metadata)
    return kept, [*compose(text, others), *question_replies(asked)]


def _whole(handoff: Handoff, state: State, context: Context) -> Handoff:
    """Return a handoff with a summary, and with the department where the channel has several."""
    whole = Handoff(reason=handoff["reason"], summary=handoff["summary"] or _summary(state))
    if len(departments_of(context)) > 1:
        whole["department"] = current_department(state, context).title
    return whole


def _failed(state: State, fault: Fault | None) -> bool:
    """Return whether the customer got no proper answer."""
    turn = after_last_customer_message(state["messages"])
    return fault in ("empty", "language", "call", "unread") or any(
        isinstance(message, ToolMessage) and message.text == UNAVAILABLE for message in turn
    )


def _instead(fault: Fault) -> str:
    return TEXTS[{"refusal": "refusal", "language": "wrong_language", "unread": "not_read"}.get(fault, "empty_answer")]


def _shortened(text: str) -> str:
    """Return at most as much text as one answer may have; a cut text says so."""
    if len(text) <= TEXT_LIMIT:
        return text
    beginning = split(text, TEXT_LIMIT - len(TEXTS["cut"]) - len(FENCE_END))[0]
    return beginning + (FENCE_END if beginning.count("```") % 2 else "") + TEXTS["cut"]


def _whole_sentences(text: str) -> str:
    """Return the complete sentences of an answer that was cut off; empty if there are none."""
    ends = [found.end() for found in re.finditer(r"[.!?…](?=\s)|\n", text)]
    whole = text[: ends[-1]].rstrip() if ends else ""
    return _shortened(whole + TEXTS["cut"]) if whole else ""


def _summary(state: State) -> str:
    """Return a summary for a person if the model gave none: the conversation's summary and the last messages."""
    lines = [
        f"{'Cliente' if message.type == 'human' else 'Assistente'}: {message.text}"
        for message in state["messages"][-8:]
        if message.type in ("human", "ai") and message.text
    ]
    one = pending_change(state)
    asked = [f"Esperando confirmação: {one['question']}"] if one else []
    return mask("\n".join([state.get("summary", ""), *asked, *lines]).strip())[-SUMMARY_LENGTH:]
