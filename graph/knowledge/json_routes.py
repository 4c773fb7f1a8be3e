"""Routes with JSON bodies and answers: what is wrong with a request is said in `detail`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph.knowledge import files
from graph.knowledge.data import CONTENT_LIMIT, NotFoundError

log = logging.getLogger(__name__)

MAX_BYTES = 4 * CONTENT_LIMIT
SOURCE = "/knowledge/sources/{source_id:uuid}"
Answer = Callable[[Request], Awaitable[Any]]


class TooLargeError(Exception):
    """The body is too large, or does not say how large it is."""


def source_id(request: Request) -> UUID:
    """Return the source that an address names."""
    found: UUID = request.path_params["source_id"]
    return found


async def body(request: Request, limit: int = MAX_BYTES) -> bytes:
    """Return the body of a request. Raises TooLargeError."""
    if int(request.headers.get("content-length") or limit + 1) > limit:
        raise TooLargeError
    return await request.body()


def route(path: str, answer: Answer, method: str) -> Route:
    """Return the route that answers with the JSON value of `answer`, or with what is wrong."""

    async def handle(request: Request) -> Response:
        try:
            return JSONResponse(await answer(request))
        except TooLargeError:
            return _problem(413, "The body is too large, or has no length.")
        except ValidationError as error:
            return _problem(422, files.problem_of(error))
        except files.FileError as error:
            return _problem(422, str(error), error.code)
        except NotFoundError:
            return _problem(404, "There is no such text or import, or none in that state.")
        except psycopg.DataError:  # text that Postgres does not store, such as NUL
            return _problem(422, "The text has characters that cannot be stored.")
        except (psycopg.Error, TimeoutError) as error:
            log.warning("the knowledge is not available: %s", type(error).__name__)
            return _problem(503, "The knowledge is not available now; ask again.")

    return Route(path, handle, methods=[method])


def _problem(status: int, detail: str, code: str = "") -> Response:
    return JSONResponse({"detail": detail} | ({"code": code} if code else {}), status)
