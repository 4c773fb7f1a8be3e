"""Everything about one person in the agent's memory and in the business data, for the gateway to export or to erase.

`POST /customer/memory/export|erase` with `threads` (the ids of the conversations) and `profiles` (the ids of the
contact); `POST /customer/business/export|erase` with `request` (an id of the gateway's) and `customer`, the part of a
run's context that says who the customer is. They need LANGGRAPH_TOKEN, as the server's own paths do.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

import httpx
import psycopg
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph.business import NoSuchCallError, business
from graph.contract.context import Context
from graph.knowledge.tables import knowledge
from graph.policy.memory import NAMESPACE
from graph.server.persistence import erase_threads
from graph.settings import settings
from graph.tools.access import trusted

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
_GRAPH = "agent"
_UNFINISHED = ("pending", "running")
Body = TypeVar("Body", bound=BaseModel)

_AWAY = (httpx.HTTPError, psycopg.Error, TimeoutError)


class Memory(BaseModel):
    """The conversations and profiles of one person."""

    threads: Annotated[list[UUID], Field(max_length=1000)]
    profiles: Annotated[list[UUID], Field(max_length=1000)]


class Whose(BaseModel):
    """One person as business data knows them. request: under it an erasure happens once."""

    request: UUID
    customer: Context


async def export_memory(memory: Memory) -> dict[str, Any]:
    """Return the values of all threads, the facts of all profiles, and the questions that knowledge did not answer."""
    async with _server() as client:
        values = {str(thread): await _values(client, str(thread)) for thread in memory.threads}
        items: list[Any] = [await client.store.get_item(NAMESPACE, str(profile)) for profile in memory.profiles]
    return {
        "threads": {thread: found for thread, found in values.items() if found},
        "facts": [item["value"] for item in items if item],
        "questions": await knowledge().unanswered.of_threads(_names(memory)) if settings().knowledge else [],
    }


async def _values(client: LangGraphClient, thread: str) -> Any:  # noqa: ANN401 - the graph's state as JSON
    # The in-memory server knows a thread only after it was created again.
    await client.threads.create(thread_id=thread, graph_id=_GRAPH, if_exists="do_nothing")
    return (await client.threads.get_state(thread)).get("values")


async def erase_memory(memory: Memory) -> dict[str, int]:
    """Stop the runs of all threads, delete the threads, their questions and the profiles; return how many there were.

    All counts are 0 once nothing is left, which the gateway asks for again at the end.
    """
    facts = runs = 0
    async with _server() as client:
        for thread in map(str, memory.threads):
            runs += await _stop_runs(client, thread)
            await _delete_thread(client, thread)
        for profile in map(str, memory.profiles):
            facts += bool(await client.store.get_item(NAMESPACE, profile))
            await client.store.delete_item(NAMESPACE, profile)
    return {
        "runs": runs,
        "checkpoints": await erase_threads(memory.threads),
        "profiles": facts,
        "questions": await knowledge().unanswered.erase(_names(memory)) if settings().knowledge else 0,
    }


def _names(memory: Memory) -> list[str]:
    return [str(thread) for thread in memory.threads]


async def _stop_runs(client: LangGraphClient, thread: str) -> int:
    """Cancel the runs of a thread that are under way, and wait for their ends; return their number."""
    try:
        runs = [run for run in await client.runs.list(thread, limit=100) if run["status"] in _UNFINISHED]
        for run in runs:
            await client.runs.cancel(thread, run["run_id"], wait=True)
    except httpx.HTTPStatusError as error:
        _unless_gone(error)
        return 0
    return len(runs)


async def _delete_thread(client: LangGraphClient, thread: str) -> None:
    try:
        await client.threads.delete(thread)
    except httpx.HTTPStatusError as error:
        _unless_gone(error)


def _unless_gone(error: httpx.HTTPStatusError) -> None:
    if error.response.status_code != httpx.codes.NOT_FOUND:
        raise error


async def export_business(whose: Whose) -> dict[str, Any]:
    """Return all records of the business data. By a number in doubt nothing is found."""
    return await business().records(trusted(whose.customer, whose.customer.verification))


async def erase_business(whose: Whose) -> dict[str, Any]:
    """Have the business data erased; return the company's answer."""
    keys = trusted(whose.customer, whose.customer.verification)
    return (await business().erase(keys, f"erasure:{whose.request}")).model_dump()


def _server() -> LangGraphClient:
    """Return a client of this server itself, which every edition has."""
    token = settings().langgraph_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    return get_client(url=None, api_key=None, headers=headers)


def _route(path: str, kind: type[Body], act: Callable[[Body], Awaitable[Mapping[str, Any]]]) -> Route:
    async def answer(request: Request) -> Response:
        if int(request.headers.get("content-length") or MAX_BYTES + 1) > MAX_BYTES:
            return JSONResponse({"detail": "The body is too large, or has no length."}, 413)
        try:
            body = kind.model_validate_json(await request.body())
        except ValidationError:
            return JSONResponse({"detail": f"Send {', '.join(kind.model_fields)}."}, 422)
        try:
            return JSONResponse(await act(body))
        except NoSuchCallError:
            return JSONResponse({"detail": "The company's API has no such call."}, 501)
        except psycopg.DataError:  # text that Postgres does not store, such as NUL
            return JSONResponse({"detail": "A key has characters that no key has."}, 422)
        except (*_AWAY, ValidationError) as error:
            log.warning("The records of a customer are not available: %s", type(error).__name__)
            return JSONResponse({"detail": "The data are not available now; ask again."}, 503)

    return Route(path, answer, methods=["POST"])


ROUTES = [
    _route("/customer/memory/export", Memory, export_memory),
    _route("/customer/memory/erase", Memory, erase_memory),
    _route("/customer/business/export", Whose, export_business),
    _route("/customer/business/erase", Whose, erase_business),
]
