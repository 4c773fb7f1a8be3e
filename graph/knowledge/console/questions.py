"""`/knowledge/…` about questions that got no answer: in groups, noted by people, made drafts, settled."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request

from graph.knowledge.data import Text
from graph.knowledge.json_routes import body, route
from graph.knowledge.tables import knowledge
from graph.knowledge.unanswered import NOTE_LIMIT, QUESTION_LIMIT
from graph.policy.masking import mask

QUESTIONS_GROUPED = 200  # the newest ones


class Noted(BaseModel):
    """A question whose answer a person found bad, and why (`note`); numbers of cards and documents are masked here.

    thread_id: the conversation, with which the question is erased.
    """

    turn_id: str = Field(min_length=1, max_length=100)
    thread_id: str = Field(min_length=1, max_length=100)
    question: str = Field(min_length=1, max_length=QUESTION_LIMIT)
    note: str = Field("", max_length=NOTE_LIMIT)


class Chosen(BaseModel):
    """Questions by their ids."""

    ids: list[int] = Field(min_length=1, max_length=QUESTIONS_GROUPED)


class Draft(Chosen):
    """A text that is to answer questions; it is masked here, because its words are from conversations."""

    text: Text


async def _groups(_: Request) -> Any:  # noqa: ANN401 - JSON
    questions = await knowledge().unanswered.newest(QUESTIONS_GROUPED)
    return [one.model_dump(mode="json") for one in await knowledge().grouping.groups(questions)]


async def _note(request: Request) -> Any:  # noqa: ANN401 - JSON
    noted = Noted.model_validate_json(await body(request))
    words, note = mask(noted.question), mask(noted.note)
    await knowledge().unanswered.add(noted.turn_id, words, None, None, noted.thread_id, "thumb", note)
    return {}


async def _settle(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().unanswered.remove(Chosen.model_validate_json(await body(request)).ids)
    return {}


async def _draft(request: Request) -> Any:  # noqa: ANN401 - JSON
    draft = Draft.model_validate_json(await body(request))
    text, wordings = draft.text, [mask(one) for one in draft.text.wordings]
    masked = text.model_copy(update={"title": mask(text.title), "wordings": wordings, "content": mask(text.content)})
    written = await knowledge().sources.write(masked)
    knowledge().vectors.wake()
    await knowledge().unanswered.answer_by(draft.ids, written.source_id)
    return written.model_dump(mode="json")


ROUTES = [
    route("/knowledge/unanswered/groups", _groups, "GET"),
    route("/knowledge/unanswered", _note, "POST"),
    route("/knowledge/unanswered/settle", _settle, "POST"),
    route("/knowledge/unanswered/draft", _draft, "POST"),
]
