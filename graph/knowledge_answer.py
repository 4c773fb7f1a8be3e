"""The answer that the model would give from the knowledge: `POST /knowledge/answer`, for people who try a text.

The model gets the agent's instructions and one search, of what is published or of a draft. Nothing is kept, no other
tool can be called, and the question is not among those in vain.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from pydantic import BaseModel
from starlette.requests import Request

from graph.contract.context import Context
from graph.contract.state import State
from graph.history.passages import SEARCH_TOOL, Given, cited
from graph.knowledge.json_routes import body, route
from graph.knowledge.routes import Trial, candidates
from graph.knowledge.tables import knowledge
from graph.model.chat import chat_model
from graph.model.failures import MODEL_FAILURES, answer_within
from graph.policy import danger
from graph.settings import settings
from graph.tools.knowledge import PASSAGES_SHOWN, search_knowledge, told
from graph.turn.instructions import system_prompt

TIMEOUT_SECONDS = 30
CALL = "trial"


class Answer(BaseModel):
    """The words of the model, and the passages whose numbers it named."""

    text: str
    used: list[Given]


async def answer(trial: Trial) -> Answer:
    """Return the model's answer. Raises TimeoutError while the model does not answer, and psycopg.Error."""
    if danger.is_dangerous(trial.question):
        return Answer(text=danger.ANSWER, used=[])
    found = [one for one in await candidates(trial) if knowledge().search.is_answer(one)]
    text, given = told(found[:PASSAGES_SHOWN], 1)
    model = chat_model(settings().agent_model).bind_tools([search_knowledge])
    try:
        message = await answer_within(model.ainvoke(_messages(trial, text)), TIMEOUT_SECONDS)
    except MODEL_FAILURES as error:
        raise TimeoutError(type(error).__name__) from None
    words, used = cited(message.text, given)
    return Answer(text=words, used=used)


def _messages(trial: Trial, text: str) -> list[AnyMessage]:
    """Return the turn in which the model has searched for the question and got this text."""
    state: Any = State(messages=[], turn_id=CALL)
    context = Context(channel_id=trial.channel_id or "")
    call = ToolCall(name=SEARCH_TOOL, args={"question": trial.question}, id=CALL)
    return [
        SystemMessage(system_prompt(state, context)),
        HumanMessage(trial.question),
        AIMessage("", tool_calls=[call]),
        ToolMessage(text, tool_call_id=CALL, name=SEARCH_TOOL),
    ]


async def _answer(request: Request) -> Any:  # noqa: ANN401 - JSON
    return (await answer(Trial.model_validate_json(await body(request)))).model_dump(mode="json")


ROUTES = [route("/knowledge/answer", _answer, "POST")]
