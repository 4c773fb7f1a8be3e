"""`/knowledge/…` of the agent server's own app: people list, write, try, publish and take back, with KNOWLEDGE_TOKEN.

Bodies and answers are JSON. A text is that of `data.Text`. Files and web pages are read by `imports`.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request

from graph.knowledge.data import Found, NotFoundError, Text
from graph.knowledge.imports.routes import ROUTES as IMPORTS
from graph.knowledge.json_routes import SOURCE, body, route, source_id
from graph.knowledge.tables import knowledge

CANDIDATES_SHOWN = 10
QUESTIONS_SHOWN = 200
WORDS_LIMIT = 200  # characters that are looked for in the list of texts
_NUMBER = re.compile(r"[0-9]{1,18}")  # that Postgres counts to


class Trial(BaseModel):
    """A question that is tried: with all that is published, or with the draft of one source (`source_id`)."""

    question: str = Field(min_length=1, max_length=1000)
    source_id: UUID | None = None
    department: str | None = None
    channel_id: str | None = None


async def _list(request: Request) -> Any:  # noqa: ANN401 - JSON
    words = request.query_params.get("q", "")[:WORDS_LIMIT]
    return [one.model_dump(mode="json") for one in await knowledge().sources.sources(words)]


async def _versions(request: Request) -> Any:  # noqa: ANN401 - JSON
    found = await knowledge().sources.versions(source_id(request))
    if not found:
        raise NotFoundError
    return [one.model_dump(mode="json") for one in found]


async def _write(request: Request) -> Any:  # noqa: ANN401 - JSON
    text = Text.model_validate_json(await body(request))
    known = source_id(request) if "source_id" in request.path_params else None
    written = await knowledge().sources.write(text, known)
    knowledge().vectors.wake()
    return written.model_dump(mode="json")


async def _publish(request: Request) -> Any:  # noqa: ANN401 - JSON
    return {"number": await knowledge().sources.publish(source_id(request))}


async def _take_back(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().sources.take_back(source_id(request))
    return {}


async def _delete(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().sources.delete(source_id(request))
    return {}


async def candidates(trial: Trial) -> list[Found]:
    """Return the passages that come into question for a trial, the best first. Raises psycopg.Error."""
    where: dict[str, Any] = {"department": trial.department, "channel_id": trial.channel_id}
    if trial.source_id:
        where |= {"source_id": trial.source_id, "state": "draft"}
        await knowledge().vectors.complete()
    return await knowledge().search.candidates(trial.question, **where)


async def _try(request: Request) -> Any:  # noqa: ANN401 - JSON
    """Return the passages that come into question, the best first, and which of them the agent would be given."""
    found = (await candidates(Trial.model_validate_json(await body(request))))[:CANDIDATES_SHOWN]
    answers = knowledge().search.is_answer
    passages = [one.model_dump(mode="json") | {"answers": answers(one)} for one in found]
    return {"passages": passages, "vectors": await knowledge().vectors.available()}


async def _unanswered(_: Request) -> Any:  # noqa: ANN401 - JSON
    return [one.model_dump(mode="json") for one in await knowledge().unanswered.newest(QUESTIONS_SHOWN)]


async def _answered(request: Request) -> Any:  # noqa: ANN401 - JSON
    if not _NUMBER.fullmatch(number := request.path_params["question_id"]):
        raise NotFoundError
    await knowledge().unanswered.remove([int(number)])
    return {}


ROUTES = [
    route("/knowledge/sources", _list, "GET"),
    route("/knowledge/sources", _write, "POST"),
    route(SOURCE, _versions, "GET"),
    route(SOURCE, _write, "PUT"),
    route(SOURCE, _delete, "DELETE"),
    route(f"{SOURCE}/publish", _publish, "POST"),
    route(f"{SOURCE}/take-back", _take_back, "POST"),
    route("/knowledge/try", _try, "POST"),
    route("/knowledge/unanswered", _unanswered, "GET"),
    route("/knowledge/unanswered/{question_id}", _answered, "DELETE"),
    *IMPORTS,
]
