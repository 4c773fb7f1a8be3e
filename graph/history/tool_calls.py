"""Tool calls and their results in a history: each call has a unique id, and its result follows immediately.

Model APIs refuse any other history every time, but models and servers do not always keep to this form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

# Ids that every API accepts: OpenAI at most 40 characters, Anthropic letters, digits, - and _.
ACCEPTED_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
ID_LENGTH = 9  # letters and digits: Mistral accepts no other length
# The effect is unknown: the process may have ended before, during or after it.
INTERRUPTED = "A ferramenta foi interrompida e não respondeu. Verifique o resultado antes de afirmar qualquer coisa."
# The fields in which providers keep the id of a call in the content, besides `tool_calls`, in the same order.
CALL_BLOCKS = {"function_call": "call_id", "custom_tool_call": "call_id", "tool_use": "id", "tool_call": "id"}


def ids_of(messages: Iterable[AnyMessage]) -> set[str]:
    """Return the ids of all tool calls in a history."""
    calls = [call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    return {call["id"] for call in calls if call["id"]}


def admitted(message: AIMessage, history: Sequence[AnyMessage]) -> AIMessage:
    """Return a new answer of the model in which no id, of the message or a call, repeats one of the history."""
    if message.id in {one.id for one in history}:  # it would replace the older one in the state
        message = message.model_copy(update={"id": str(uuid4())})
    return _with_own_ids(message, ids_of(history))


def paired(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the history in the form that model APIs accept, with the same messages if it has that form already.

    Missing and repeated ids are renewed. Results are matched to their calls by id, else by position. A call without a
    result gets one that says so; a result without a call is removed.
    """
    kept: list[AnyMessage] = []
    taken: set[str] = set()
    place = 0
    while place < len(messages):
        message = messages[place]
        place += 1
        answers = _answers(messages[place:]) if isinstance(message, AIMessage) else []
        place += len(answers)
        kept += _pair(message, answers, taken) if isinstance(message, AIMessage) else _no_orphan(message)
    same = len(kept) == len(messages) and all(one is other for one, other in zip(kept, messages, strict=True))
    return list(messages) if same else kept


def unanswered_calls(messages: Sequence[AnyMessage]) -> list[str]:
    """Return the ids of the tool calls that have no result, in order."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    calls = [call["id"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    return [call for call in calls if call and call not in answered]


def renewed(message: AIMessage, history: Sequence[AnyMessage]) -> AIMessage:
    """Return the message with valid, unique ids of its calls; the same ids each time."""
    return _with_own_ids(message, ids_of(history))


def _answers(following: Sequence[AnyMessage]) -> list[ToolMessage]:
    answers: list[ToolMessage] = []
    for message in following:
        if not isinstance(message, ToolMessage):
            break
        answers.append(message)
    return answers


def _no_orphan(message: AnyMessage) -> list[AnyMessage]:
    return [] if isinstance(message, ToolMessage) else [message]


def _pair(message: AIMessage, answers: Sequence[ToolMessage], taken: set[str]) -> list[AnyMessage]:
    """Return the message and a result for each of its calls; the ids of its calls are added to `taken`."""
    known = _without_invalid(message)
    sound = _with_own_ids(known, taken)
    taken |= ids_of([sound])
    left = list(answers)
    before = [call["id"] for call in known.tool_calls]
    # First the results that name their call, then the others in their order.
    named = [_named(call_id, left) if before.count(call_id) == 1 else None for call_id in before]
    chosen = [answer or (left.pop(0) if left else None) for answer in named]
    pairs = zip(sound.tool_calls, chosen, strict=True)
    new = [_answer(str(call["id"]), answer) for call, answer in pairs]
    untouched = {id(one) for one in new} == {id(one) for one in answers}
    return [sound, *(answers if untouched else new)]  # results of parallel calls may come in any order


def _named(call_id: str | None, left: list[ToolMessage]) -> ToolMessage | None:
    found = next((answer for answer in left if answer.tool_call_id == call_id), None)
    if found is not None:
        left.remove(found)
    return found


def _answer(call_id: str, answer: ToolMessage | None) -> ToolMessage:
    if answer is None:
        return ToolMessage(INTERRUPTED, tool_call_id=call_id, id=f"interrupted:{call_id}", status="error")
    return answer if answer.tool_call_id == call_id else answer.model_copy(update={"tool_call_id": call_id})


def _without_invalid(message: AIMessage) -> AIMessage:
    """Return the message without calls that could not be parsed: they can have no result."""
    if not message.invalid_tool_calls:
        return message
    bad = {(call["id"], call["args"]) for call in message.invalid_tool_calls}
    content = message.content
    if isinstance(content, list):
        content = [
            one for one in content if not (_is_call(one) and (one.get(_id_in(one)), one.get("arguments")) in bad)
        ]
    return message.model_copy(update={"invalid_tool_calls": [], "content": content})


def _with_own_ids(message: AIMessage, taken: set[str]) -> AIMessage:
    ids: list[str] = []
    for number, call in enumerate(message.tool_calls):
        known = call["id"] or ""
        good = ACCEPTED_ID.fullmatch(known) and known not in taken and known not in ids
        ids.append(known if good else _new_id(f"{message.id}:{number}", taken | set(ids)))
    if ids == [call["id"] for call in message.tool_calls]:
        return message
    calls = [{**call, "id": call_id} for call, call_id in zip(message.tool_calls, ids, strict=True)]
    return message.model_copy(update={"tool_calls": calls, "content": _content(message.content, ids)})


def _new_id(seed: str, taken: set[str]) -> str:
    """Return an id derived from the seed, so that repeated repairs of a history give the same ids."""
    for number in range(len(taken) + 1):
        made = hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()[:ID_LENGTH]
        if made not in taken:
            return made
    return uuid4().hex[:ID_LENGTH]


def _content(content: str | list[Any], ids: Sequence[str]) -> str | list[Any]:
    """Return the content with the ids in its blocks of calls replaced, in order."""
    if isinstance(content, str):
        return content
    left = list(ids)
    return [{**block, _id_in(block): left.pop(0)} if _is_call(block) and left else block for block in content]


def _is_call(block: Any) -> TypeGuard[dict[str, Any]]:  # noqa: ANN401 - providers put what they like into content
    return isinstance(block, dict) and str(block.get("type")) in CALL_BLOCKS


def _id_in(block: dict[str, Any]) -> str:
    return CALL_BLOCKS[str(block["type"])]
