"""`/knowledge/cases`: evaluation cases are proposed without the customer's names and numbers, kept, run and deleted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request

from graph.knowledge.json_routes import body, route
from graph.knowledge.tables import knowledge
from graph.knowledge.unanswered import QUESTION_LIMIT
from graph.policy.anonymous import anonymous
from graph.policy.masking import mask


class Proposed(BaseModel):
    """A customer's words, and where they were asked."""

    question: str = Field(min_length=1, max_length=QUESTION_LIMIT)
    department: str | None = Field(None, max_length=63)
    channel_id: str | None = Field(None, max_length=63)


async def _propose(request: Request) -> Any:  # noqa: ANN401 - JSON
    """Return the words as they would be kept; nothing is kept yet."""
    proposed = Proposed.model_validate_json(await body(request))
    return {"question": await knowledge().cases.anonymous(proposed.question, anonymous)}


async def _add(request: Request) -> Any:  # noqa: ANN401 - JSON
    """Keep the words that a person has read; numbers of cards and documents are masked all the same."""
    given = Proposed.model_validate_json(await body(request))
    case = await knowledge().cases.add(mask(given.question), given.department, given.channel_id)
    return case.model_dump(mode="json")


async def _run(_: Request) -> Any:  # noqa: ANN401 - JSON
    return [one.model_dump(mode="json") for one in await knowledge().cases.run()]


async def _remove(request: Request) -> Any:  # noqa: ANN401 - JSON
    await knowledge().cases.remove(request.path_params["case_id"])
    return {}


ROUTES = [
    route("/knowledge/cases", _run, "GET"),
    route("/knowledge/cases", _add, "POST"),
    route("/knowledge/cases/propose", _propose, "POST"),
    route("/knowledge/cases/{case_id:int}", _remove, "DELETE"),
]
