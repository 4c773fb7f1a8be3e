"""The data about a customer that the console shows beside a conversation: `POST /business/customer`.

The body is the part of a run's context that says who the customer is: `customer_id`, `customer_keys`, `verification`.
Numbers come in the body, never in the address, which appears in logs. Nothing is changed here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import psycopg
from langgraph_sdk import get_client
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph.business import Order, Ticket, business
from graph.contract.context import Context
from graph.policy.memory import NAMESPACE, merged, profile_ids
from graph.server.auth import CUSTOMER_PATH
from graph.settings import settings
from graph.tools.access import SURE, trusted

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 6
NEWEST = 20  # orders, and as many tickets
MAX_BYTES = 64 * 1024
_AWAY = (httpx.HTTPError, psycopg.Error, ValidationError, TimeoutError)


class CustomerData(BaseModel):
    """The answer. number_trusted: whether the number's orders and tickets are among them; facts: oldest first."""

    orders: list[Order]
    tickets: list[Ticket]
    facts: list[str]
    number_trusted: bool


async def customer_data(context: Context) -> CustomerData:
    """Return what is known about the customer of a context; by a number in doubt nothing is found."""
    keys = trusted(context, context.verification)
    orders, tickets, known = await asyncio.gather(
        business().orders(keys), business().tickets(keys), _facts(profile_ids(context))
    )
    return CustomerData(
        orders=orders[:NEWEST], tickets=tickets[:NEWEST], facts=known, number_trusted=context.verification in SURE
    )


async def _facts(profiles: list[str]) -> list[str]:
    """Return the facts of these profiles, from the server's store by its own API, which every edition has."""
    token = settings().langgraph_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    async with get_client(url=None, api_key=None, headers=headers) as client:
        items: list[Any] = [await client.store.get_item(NAMESPACE, profile) for profile in profiles]
    return merged(item["value"] for item in items if item)


async def _answer(request: Request) -> Response:
    if int(request.headers.get("content-length") or MAX_BYTES + 1) > MAX_BYTES:
        return JSONResponse({"detail": "The body is too large, or has no length."}, 413)
    try:
        context = Context.model_validate_json(await request.body())
    except ValidationError:
        return JSONResponse({"detail": "Send customer_id, customer_keys and verification."}, 422)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            found = await customer_data(context)
    except psycopg.DataError:  # text that Postgres does not store, such as NUL
        return JSONResponse({"detail": "A key has characters that no key has."}, 422)
    except _AWAY as error:
        log.warning("The data of a customer are not available: %s", type(error).__name__)
        return JSONResponse({"detail": "The data are not available now; ask again."}, 503)
    return Response(found.model_dump_json(), media_type="application/json")


ROUTE = Route(CUSTOMER_PATH, _answer, methods=["POST"])
