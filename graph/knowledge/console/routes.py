"""`/knowledge/…` for the console's pages, with KNOWLEDGE_TOKEN: the list, and a version as the agent reads it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from graph.knowledge.console.cases import ROUTES as CASES
from graph.knowledge.console.overview import Wanted
from graph.knowledge.console.questions import ROUTES as QUESTIONS
from graph.knowledge.data import NotFoundError
from graph.knowledge.json_routes import SOURCE, route, source_id
from graph.knowledge.tables import knowledge
from graph.policy.departments import departments_in_files


async def _overview(request: Request) -> Any:  # noqa: ANN401 - JSON
    wanted = Wanted.model_validate(dict(request.query_params))
    return (await knowledge().overview.rows(wanted)).model_dump(mode="json")


async def _places(_: Request) -> Any:  # noqa: ANN401 - JSON
    """Return the owners and departments of texts, and the agent's departments by name with their titles."""
    titles = {name: one.title for name, one in departments_in_files().items()}
    return (await knowledge().overview.places()).model_dump(mode="json") | {"titles": titles}


async def _passages(request: Request) -> Any:  # noqa: ANN401 - JSON
    found = await knowledge().overview.passages(source_id(request), request.path_params["number"])
    if not found:
        raise NotFoundError
    return [one.model_dump(mode="json") for one in found]


ROUTES = [
    *QUESTIONS,
    *CASES,
    route("/knowledge/overview", _overview, "GET"),
    route("/knowledge/places", _places, "GET"),
    route(f"{SOURCE}/passages/{{number:int}}", _passages, "GET"),
]
