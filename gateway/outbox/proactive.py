"""Templates that a caller asks for: an order's progress, a reminder, an offer.

They wait in the same queue as replies. The caller's key makes a repeated request harmless. Customers who stopped
marketing messages get none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import psycopg
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.customers.identity import customer_for
from gateway.customers.statements import Ids, Statement, scopes
from gateway.numbers.channels import Channel, Channels
from gateway.outbox.replies import check
from gateway.outbox.template_texts import placeholder
from gateway.store import conversations
from gateway.store.customers import marketing
from gateway.store.database import Connection, Pool, is_away
from gateway.store.outbox import queue
from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.messages.messages import as_reply
from gateway.whatsapp.messages.templates import template
from gateway.whatsapp.numbers import is_parent_id, is_user_id

_NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}")  # E.164
_DECORATION = re.compile(r"[\s().-]")


class TemplateRequest(BaseModel):
    """A template to send.

    to: a number with country code, or a business-scoped user id; parameters: of the body, in order or by name;
    components: others (header, buttons), in the Cloud API's form; key: the caller's own name for this message, which is
    sent at most once; channel: id of the sending number, needed where there are several; category: the template's,
    `marketing` by default, because customers may refuse that category.
    """

    model_config = ConfigDict(extra="forbid")

    to: str
    name: str
    language: str
    parameters: list[str] | dict[str, str] = Field(default_factory=list)
    components: list[dict[str, Any]] = Field(default_factory=list)
    key: str | None = Field(None, min_length=1, max_length=200)
    channel: str | None = None
    category: Literal["marketing", "utility", "authentication"] = "marketing"

    @model_validator(mode="after")
    def _can_be_stored(self) -> TemplateRequest:
        if _has_nul(self.model_dump()):
            raise ValueError("leave out NUL characters, which no text of a message has")
        return self


@dataclass(frozen=True, slots=True)
class Queued:
    """A message: our id, its state, and whether this request queued it."""

    id: UUID
    state: str
    new: bool


class RefusedError(Exception):
    """The template is not sent; the text says why. status: the HTTP status of the answer."""

    def __init__(self, why: str, status: int = 400) -> None:
        self.status = status
        super().__init__(why)


async def send(conn: Connection, channels: Channels, request: TemplateRequest) -> Queued:
    """Queue a template, or return the state of the message with the same key.

    Raises:
        RefusedError: It cannot or may not be sent; nothing was queued.
    """
    channel, ids, content = _channel(channels, request.channel), _ids(request.to), _content(request)
    key = request.key or f"once:{uuid4()}"
    async with conn.transaction():
        if known := await queue.by_key(conn, key):
            return Queued(*known, new=False)
        number = channel.phone_number_id
        statement = Statement(datetime.now(UTC), number, scopes(channel, number), event_id=0)
        customer = await customer_for(conn, ids, statement)
        if request.category == "marketing" and await marketing.is_stopped(conn, customer):
            raise RefusedError("the customer has stopped marketing messages", 409)
        conversation = await conversations.conversation_for(conn, channel.phone_number_id, customer)
        if made := await queue.queue_once(conn, conversation, content, key):
            return Queued(made, "queued", new=True)
        known = await queue.by_key(conn, key)  # another caller was faster
        if known is None:
            raise LookupError("a key is taken by no message")
        return Queued(*known, new=False)


def _channel(channels: Channels, channel_id: str | None) -> Channel:
    every = channels.all()
    if channel_id is None and len(every) == 1:
        return next(iter(every.values()))
    if channel_id is None:
        raise RefusedError("there are several numbers (or none): say which one sends (channel)")
    if (channel := every.get(channel_id)) is None:
        raise RefusedError("the channel is no number configured here", 404)
    return channel


def _ids(to: str) -> Ids:
    if is_user_id(to) and not is_parent_id(to):
        return Ids(user_id=to)
    number = _DECORATION.sub("", to)
    if not _NUMBER.fullmatch(number):
        raise RefusedError("to is neither a number with its country code nor a user id")
    return Ids(number=number.removeprefix("+"))


def _content(request: TemplateRequest) -> dict[str, Any]:
    try:
        message = template(request.name, request.language, request.parameters, buttons=request.components)
        check(message)
    except InvalidMessage as error:
        raise RefusedError(str(error)) from None
    return {**as_reply(message), "text": placeholder(request.name, category=request.category)}


class TemplateRoutes:
    """`POST /internal/templates`; `allowed` returns whether a request carries TEMPLATES_TOKEN."""

    def __init__(self, pool: Pool, channels: Channels, allowed: Callable[[Request], bool]) -> None:
        self._pool = pool
        self._channels = channels
        self._allowed = allowed

    def routes(self) -> list[Route]:
        """Return the route to mount."""
        return [Route("/internal/templates", self._post, methods=["POST"])]

    async def _post(self, request: Request) -> Response:
        if not self._allowed(request):
            return _problem("the bearer token is not TEMPLATES_TOKEN", 401)
        try:
            template_request = TemplateRequest.model_validate_json(await request.body())
            async with self._pool.connection() as conn:
                queued = await send(conn, self._channels, template_request)
        except ValidationError as error:
            return _problem(first_problem(error), 400)
        except RefusedError as error:
            return _problem(str(error), error.status)
        except psycopg.Error as error:
            if not is_away(error):
                raise
            return _problem("Postgres is away; try again", 503)
        return JSONResponse({"id": str(queued.id), "state": queued.state}, 201 if queued.new else 200)


def _has_nul(value: object) -> bool:
    """Return whether a text within plain data contains NUL, which Postgres does not store."""
    if isinstance(value, Mapping):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return "\0" in value if isinstance(value, str) else isinstance(value, list) and any(map(_has_nul, value))


def _problem(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a request, without the values that were given."""
    first: Mapping[str, Any] = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}"
