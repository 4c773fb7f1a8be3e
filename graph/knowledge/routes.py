"""`/knowledge/…` of the agent server's own app: people list, write, try, publish and take back, with KNOWLEDGE_TOKEN.

Bodies and answers are JSON. A text is that of `data.Text`; `import` takes Markdown as files have it (`files`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph.knowledge import files
from graph.knowledge.data import CONTENT_LIMIT, NotFoundError, Text
from graph.knowledge.tables import knowledge

log = logging.getLogger(__name__)

MAX_BYTES = 4 * CONTENT_LIMIT
CANDIDATES_SHOWN = 10
QUESTIONS_SHOWN = 200
Answer = Callable[[Request], Awaitable[Any]]


class TooLargeError(Exception):
    """The body is too large, or does not say how large it is."""


class Trial(BaseModel):
    """A question that is tried: with all that is published, or with the draft of one source (`source_id`)."""

    question: str = Field(min_length=1, max_length=1000)
    source_id: UUID | None = None
    department: str | None = None
    channel_id: str | None = None


class Import(BaseModel):
    """A Markdown file: its name and its text."""

    name: str = Field(min_length=1, max_length=300)
    text: str = Field(min_length=1, max_length=CONTENT_LIMIT)


async def _list(request: Request) -> Any:  # noqa: ANN401 - JSON
    return [one.model_dump(mode="json") for one in await knowledge().sources.sources(request.query_params.get("q", ""))]


async def _versions(request: Request) -> Any:  # noqa: ANN401 - JSON
    found = await knowledge().sources.versions(_id(request))
    if not found:
        raise NotFoundError
    return [one.model_dump(mode="json") for one in found]


async def _write(request: Request) -> Any:  # noqa: ANN401 - JSON
    text = Text.model_validate_json(await _body(request))
    known = _id(request) if "source_id" in request.path_params else None
    return (await knowledge().sources.write(text, known)).model_dump(mode="json")


async def _import(request: Request) -> Any:  # noqa: ANN401 - JSON
    given = Import.model_validate_json(await _body(request))
    texts = files.texts_of(given.name, given.text)
    written = [await knowledge().sources.write(text) for text in texts.values()]
    return [one.model_dump(mode="json") for one in written]


async def _publish(request: Request) -> Any:  # noqa: ANN401 - JSON
    return {"number": await knowledge().sources.publish(_id(request))}


async def _take_back(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().sources.take_back(_id(request))
    return {}


async def _delete(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().sources.delete(_id(request))
    return {}


async def _try(request: Request) -> Any:  # noqa: ANN401 - JSON
    """Return the passages that come into question, the best first, and which of them the agent would be given."""
    trial = Trial.model_validate_json(await _body(request))
    where: dict[str, Any] = {"department": trial.department, "channel_id": trial.channel_id}
    if trial.source_id:
        where |= {"source_id": trial.source_id, "state": "draft"}
    found = (await knowledge().search.candidates(trial.question, **where))[:CANDIDATES_SHOWN]
    answers = knowledge().search.is_answer
    passages = [one.model_dump(mode="json") | {"answers": answers(one)} for one in found]
    return {"passages": passages, "vectors": await knowledge().vectors.available()}


async def _unanswered(_: Request) -> Any:  # noqa: ANN401 - JSON
    return [one.model_dump(mode="json") for one in await knowledge().unanswered.newest(QUESTIONS_SHOWN)]


async def _answered(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().unanswered.remove(request.path_params["question_id"])
    return {}


def _id(request: Request) -> UUID:
    found: UUID = request.path_params["source_id"]
    return found


async def _body(request: Request) -> bytes:
    if int(request.headers.get("content-length") or MAX_BYTES + 1) > MAX_BYTES:
        raise TooLargeError
    return await request.body()


def _route(path: str, answer: Answer, method: str) -> Route:
    async def handle(request: Request) -> Response:
        try:
            return JSONResponse(await answer(request))
        except TooLargeError:
            return _problem(413, "The body is too large, or has no length.")
        except ValidationError as error:
            return _problem(422, files.problem_of(error))
        except files.FileError as error:
            return _problem(422, str(error))
        except NotFoundError:
            return _problem(404, "There is no such text, or none in that state.")
        except (psycopg.Error, TimeoutError) as error:
            log.warning("the knowledge is not available: %s", type(error).__name__)
            return _problem(503, "The knowledge is not available now; ask again.")

    return Route(path, handle, methods=[method])


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status)


SOURCE = "/knowledge/sources/{source_id:uuid}"
ROUTES = [
    _route("/knowledge/sources", _list, "GET"),
    _route("/knowledge/sources", _write, "POST"),
    _route("/knowledge/import", _import, "POST"),
    _route(SOURCE, _versions, "GET"),
    _route(SOURCE, _write, "PUT"),
    _route(SOURCE, _delete, "DELETE"),
    _route(f"{SOURCE}/publish", _publish, "POST"),
    _route(f"{SOURCE}/take-back", _take_back, "POST"),
    _route("/knowledge/try", _try, "POST"),
    _route("/knowledge/unanswered", _unanswered, "GET"),
    _route("/knowledge/unanswered/{question_id:int}", _answered, "DELETE"),
]
