"""`/knowledge/imports`: people give a file or the address of a page, see how far it is read, and cancel."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request

from graph.knowledge.imports.formats import FILE_BYTES_LIMIT, check_size, too_large, type_of_file
from graph.knowledge.imports.pages import URL_LIMIT, parsed
from graph.knowledge.json_routes import TooLargeError, body, route
from graph.knowledge.tables import knowledge

NAME_LIMIT = 300


class Named(BaseModel):
    """The query of a file: its name, and the source whose next draft it is."""

    name: str = Field(min_length=1, max_length=NAME_LIMIT)
    source_id: UUID | None = None


class Page(BaseModel):
    """A web page, and the source whose next draft it is; without one, the source that was read from this address."""

    url: str = Field(min_length=1, max_length=URL_LIMIT)
    source_id: UUID | None = None


async def _add(request: Request) -> Any:  # noqa: ANN401 - JSON
    """Take a file (`?name=`, its bytes as the body) or a page (JSON with its `url`)."""
    if "name" in request.query_params:
        added = await _add_file(request)
    else:
        page = Page.model_validate_json(await body(request, 10 * URL_LIMIT))
        added = await knowledge().imports.add_page(str(parsed(page.url)), page.source_id)
    knowledge().worker.wake()
    return added.model_dump(mode="json")


async def _add_file(request: Request) -> Any:  # noqa: ANN401
    named = Named.model_validate(dict(request.query_params))
    type_of_file(named.name)
    try:
        content = await body(request, FILE_BYTES_LIMIT)
    except TooLargeError:
        raise too_large() from None
    check_size(len(content))
    return await knowledge().imports.add_file(named.name, content, named.source_id)


async def _list(_: Request) -> Any:  # noqa: ANN401 - JSON
    return [one.model_dump(mode="json") for one in await knowledge().imports.newest()]


async def _one(request: Request) -> Any:  # noqa: ANN401 - JSON
    return (await knowledge().imports.one(request.path_params["import_id"])).model_dump(mode="json")


async def _cancel(request: Request) -> Any:  # noqa: ANN401 - JSON
    return (await knowledge().imports.cancel(request.path_params["import_id"])).model_dump(mode="json")


ROUTES = [
    route("/knowledge/imports", _add, "POST"),
    route("/knowledge/imports", _list, "GET"),
    route("/knowledge/imports/{import_id:uuid}", _one, "GET"),
    route("/knowledge/imports/{import_id:uuid}/cancel", _cancel, "POST"),
]
