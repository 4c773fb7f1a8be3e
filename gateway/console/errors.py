"""Answers to what went wrong: a page for people, a sentence in JSON for scripts, in the person's language."""

from __future__ import annotations

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from gateway.console import texts
from gateway.console.rendering.pages import render
from gateway.console.routes import RefusedError
from gateway.console.signed_in import wants_page
from gateway.store.database import is_away

_KNOWN = {400, 404, 405, 413}


def handlers() -> dict[int | type[Exception], ExceptionHandler]:
    """Return what to do about each kind of error."""
    return {HTTPException: _refused, psycopg.Error: _database, 500: _failed}


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, RefusedError):
        return told(request, error.status_code, error.key, values=dict(error.values), more=dict(error.more))
    if isinstance(error, HTTPException):
        return told(
            request, error.status_code, f"errors.{error.status_code}" if error.status_code in _KNOWN else "errors.400"
        )
    raise error


async def _database(request: Request, error: Exception) -> Response:
    if not is_away(error):
        raise error
    return away(request)


def away(request: Request) -> Response:
    """Say that the store is away, and when to come back."""
    answer = told(request, 503, "errors.away")
    answer.headers["Retry-After"] = "5"
    return answer


async def _failed(request: Request, _: Exception) -> Response:
    """Say so; the server's log has the error."""
    return told(request, 500, "errors.500")


def told(
    request: Request, status: int, key: str, *,
    values: dict[str, object] | None = None, more: dict[str, object] | None = None,
) -> Response:  # fmt: skip
    """Return the answer that says a text, as a page or as JSON."""
    sentence = texts.words(request.state.language)(key, **(values or {}))
    if wants_page(request):
        return render(request, "error.html", status, sentence=sentence, status=status)
    return JSONResponse({"error": sentence, **(more or {})}, status)
