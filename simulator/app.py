"""The simulator's HTTP application: Meta's Cloud API, the model, the phone and the control API on one port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from simulator.access import Guard
from simulator.api import cloud_api
from simulator.api.graph_call import VERSION
from simulator.api.management import ManagementApi
from simulator.api.media import MediaApi
from simulator.calls import CallLog, new_calls
from simulator.control import accounts, common, control, people
from simulator.faults import Faults
from simulator.meta.carrier import Carrier
from simulator.meta.errors import GraphError
from simulator.meta.messages.outbox import Outbox
from simulator.meta.messages.posting import Posting
from simulator.meta.world import Number, World
from simulator.model import server
from simulator.model.rules import ChatError
from simulator.phone.pages import Phone


def create_app(number: Number, webhook_url: str, stack_file: Path, token: str) -> ASGIApp:
    """Return the application: one business number, whose webhook is at `webhook_url`; `token` opens `/_sim`.

    `stack_file`: the state file of the local stack, if it runs.
    """
    # The gateway is on this machine or in this cluster: no proxy is used, regardless of the environment.
    client, posting = httpx.AsyncClient(trust_env=False), Posting()
    faults = Faults()
    world = World(number, webhook_url)
    carrier = Carrier(world, Outbox(faults, world, posting), faults, client)
    management = ManagementApi(carrier, client)
    media = MediaApi(carrier)
    calls = new_calls()

    async def node(request: Request) -> Response:
        return await (media.node if media.owns(request) else management.node)(request)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client, posting:
            yield
            carrier.cancel()

    app = Starlette(
        routes=[
            *cloud_api.CloudApi(carrier).routes(),
            *server.ModelServer(faults).routes(),
            *control.Control(carrier, calls, client).routes(),
            *people.PeopleControl(carrier, calls).routes(),
            *accounts.AccountsControl(carrier).routes(),
            *Phone(world, stack_file, token).routes(),
            *management.routes(),
            *media.routes(),
            Route(f"{VERSION}/{{object_id}}", node, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={
            GraphError: cloud_api.answer_error,
            ChatError: server.answer_error,
            ValidationError: common.answer_problem,
            ValueError: common.answer_problem,
            httpx.TransportError: common.answer_problem,
        },
        lifespan=lifespan,
    )
    return Guard(
        CallLog(app, calls), token
    )  # the log is directly behind the server: only there can a connection be cut
