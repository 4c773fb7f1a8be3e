"""The control API `/_sim/…`: how tests and the phone page drive the simulator. Described in docs/simulator.md."""

import asyncio
import base64
import json
from collections import deque
from datetime import datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulator.control.common import Ascii, Body, number_of, problem, wa_id_of
from simulator.faults import Fault
from simulator.json_type import Json
from simulator.meta.business import verification
from simulator.meta.carrier import Carrier
from simulator.meta.messages.payloads import encode, sign
from simulator.meta.messages.rules import ANY_NUMBER
from simulator.meta.persona_actions import MessageBuilder, PersonaAction

MAX_WAIT_SECONDS = 60

ModelT = TypeVar("ModelT", bound=BaseModel)


class PersonaUpdate(Body):
    """A change of a persona."""

    name: str | None = None
    hidden: bool | None = None
    username: str | None = None
    blocks: bool | None = None
    experiment: bool | None = None
    window_open: bool | None = None


class Injection(Body):
    """A webhook that the caller composes. `signature`: absent signs it correctly, null sends none."""

    body: Json | None = None
    raw: str | None = None
    raw_base64: str | None = None
    signature: str | None = "proper"
    copies: int = Field(1, ge=1, le=1000)

    def encoded(self) -> bytes:
        """Return the bytes to post."""
        if self.raw_base64 is not None:
            return base64.b64decode(self.raw_base64)
        return self.raw.encode() if self.raw is not None else encode(self.body or {})


class ClockUpdate(Body):
    """A move of the clock: by seconds, or to a moment (ISO 8601 with offset)."""

    advance_seconds: float | None = None
    now: datetime | None = None


class SettingsUpdate(Body):
    """A change of the simulator's behaviour; absent fields keep their values."""

    webhook_url: str | None = None
    ticks: Json | None = None
    retries: Json | None = None
    review: Json | None = None
    usage: Json | None = None
    rules: Json | None = None
    app_secret: str | None = None


class Control:
    """The control API over one carrier."""

    def __init__(self, carrier: Carrier, calls: deque[Json], client: httpx.AsyncClient) -> None:
        self._carrier = carrier
        self._calls = calls
        self._client = client

    def routes(self) -> list[Route]:
        """Return the routes under `/_sim` that this module answers."""
        return [
            Route("/_sim/health", self.health),
            Route("/_sim/reset", self.reset, methods=["POST"]),
            Route("/_sim/settings", self.settings, methods=["GET", "PATCH"]),
            Route("/_sim/personas", self.personas),
            Route("/_sim/personas/{wa_id}", self.persona, methods=["PUT"]),
            Route("/_sim/personas/{wa_id}/messages", self.speak, methods=["POST"]),
            Route("/_sim/transcript", self.transcript),
            Route("/_sim/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sim/faults/{fault_id}", self.fault, methods=["GET", "DELETE"]),
            Route("/_sim/faults/{fault_id}/release", self.release, methods=["POST"]),
            Route("/_sim/calls", self.calls, methods=["GET", "DELETE"]),
            Route("/_sim/webhooks", self.webhooks, methods=["GET", "POST"]),
            Route("/_sim/webhooks/verify", self.verify, methods=["POST"]),
            Route("/_sim/clock", self.clock, methods=["GET", "POST", "DELETE"]),
        ]

    async def health(self, _: Request) -> Response:
        """Answer that the process runs."""
        return PlainTextResponse("ok")

    async def reset(self, _: Request) -> Response:
        """Start a new world: only the demo's customer, and no messages, faults, calls or webhooks."""
        self._carrier.reset()
        self._calls.clear()
        return Response(status_code=204)

    async def settings(self, request: Request) -> Response:
        """Read or change the simulator's behaviour: where webhooks go, when ticks come, how deliveries are retried."""
        if request.method == "PATCH":
            self._set(SettingsUpdate.model_validate_json(await request.body()))
        carrier = self._carrier
        shown = {"ticks": carrier.ticks, "retries": carrier.outbox.retries}
        shown |= {"review": carrier.reviews.settings, "usage": carrier.usage, "rules": carrier.rules}
        return Ascii(
            {"webhook_url": carrier.world.app.callback} | {name: one.model_dump() for name, one in shown.items()}
        )

    def _set(self, update: SettingsUpdate) -> None:
        """Change the given settings."""
        carrier, app = self._carrier, self._carrier.world.app
        app.callback, app.secret = update.webhook_url or app.callback, update.app_secret or app.secret
        carrier.ticks = _updated(carrier.ticks, update.ticks)
        carrier.outbox.retries = _updated(carrier.outbox.retries, update.retries)
        carrier.reviews.settings = _updated(carrier.reviews.settings, update.review)
        carrier.usage = _updated(carrier.usage, update.usage)
        carrier.rules = _updated(carrier.rules, update.rules)

    async def personas(self, _: Request) -> Response:
        """List all personas."""
        return Ascii({"personas": [vars(one) for one in self._carrier.world.personas.values()]})

    async def persona(self, request: Request) -> Response:
        """Create or change a persona."""
        update = PersonaUpdate.model_validate_json(await request.body() or b"{}")
        persona = self._carrier.world.persona(wa_id_of(request), update.name, hidden=update.hidden)
        for name in ("username", "blocks", "experiment"):
            if getattr(update, name) is not None:
                setattr(persona, name, getattr(update, name))
        if update.window_open is not None:
            persona.wrote = {ANY_NUMBER: self._carrier.world.clock.now()} if update.window_open else {}
        return Ascii(vars(persona))

    async def speak(self, request: Request) -> Response:
        """Let a persona do something: write, attach, tap, react, edit or delete."""
        action = PersonaAction.model_validate(
            json.loads(await request.body())
        )  # not pydantic's parser: surrogates may come
        world = self._carrier.world
        number = number_of(world, action.number_id)
        persona = world.persona(wa_id_of(request), action.name)
        message = self._carrier.receive(number, persona, MessageBuilder(world, number, persona).content(action))
        return Ascii({"id": message.id, "revision": message.revision}, 201)

    async def transcript(self, request: Request) -> Response:
        """List the messages that changed after a revision; with `wait`, answer as soon as there are any."""
        query = request.query_params
        world, after = self._carrier.world, int(query.get("after", 0))
        await world.wait(after, min(float(query.get("wait", 0)), MAX_WAIT_SECONDS))
        messages = [message.as_json() for message in world.transcript(query.get("wa_id"), after)]
        typing = [wa_id for wa_id in world.typing if world.is_typing(wa_id)]
        return Ascii({"world": world.id, "revision": world.revision, "typing": typing, "messages": messages})

    async def faults(self, request: Request) -> Response:
        """Set a fault, list all, remove all."""
        faults = self._carrier.faults
        if request.method == "POST":
            return Ascii(faults.add(Fault.model_validate_json(await request.body())).model_dump(), 201)
        if request.method == "DELETE":
            faults.remove()
            return Response(status_code=204)
        return Ascii({"faults": [one.model_dump() for one in faults]})

    async def fault(self, request: Request) -> Response:
        """Show one fault, or remove it."""
        fault_id = request.path_params["fault_id"]
        fault = self._carrier.faults.get(fault_id)
        if fault is None:
            return problem(404, f"there is no fault {fault_id!r}")
        if request.method == "DELETE":
            self._carrier.faults.remove(fault_id)
            return Response(status_code=204)
        return Ascii(fault.model_dump())

    async def release(self, request: Request) -> Response:
        """Release the events that a `hold` holds."""
        fault = self._carrier.faults.get(request.path_params["fault_id"])
        if fault is None:
            return problem(404, "there is no such fault")
        fault.release()
        return Ascii(fault.model_dump())

    async def calls(self, request: Request) -> Response:
        """List the calls that the simulator received, oldest first: `after` a number, with `path` in their path."""
        if request.method == "DELETE":
            self._calls.clear()
            return Response(status_code=204)
        after, path = int(request.query_params.get("after", 0)), request.query_params.get("path", "")
        return Ascii({"calls": [one for one in self._calls if one["n"] > after and path in one["path"]]})

    async def webhooks(self, request: Request) -> Response:
        """List deliveries, or post a given webhook (once, without retries) and answer with the results."""
        outbox, app = self._carrier.outbox, self._carrier.world.app
        if request.method == "GET":
            shown = outbox.pending() if "pending" in request.query_params else outbox.all()
            return Ascii({"webhooks": [one.as_json() for one in shown]})
        injection = Injection.model_validate(json.loads(await request.body()))
        body, copies = injection.encoded(), injection.copies
        signature = sign(body, app.secret) if injection.signature == "proper" else injection.signature
        answers = await asyncio.gather(*(outbox.attempt(app.callback, body, signature) for _ in range(copies)))
        return Ascii({"answers": answers})

    async def verify(self, request: Request) -> Response:
        """Verify the webhook as Meta does when its address is entered; `token` and `challenge` may be given."""
        given = json.loads(await request.body() or b"{}")
        if not isinstance(given, dict):
            raise ValueError("send a JSON object")  # noqa: TRY004  # answered with 422
        token = given.get("token", number_of(self._carrier.world, None).verify_token)
        challenge = given.get("challenge", verification.CHALLENGE)
        answer = await verification.ask(self._client, self._carrier.world.app.callback, token, challenge)
        verified = answer.status_code == httpx.codes.OK and answer.text == challenge
        return Ascii({"verified": verified, "status": answer.status_code, "body": answer.text})

    async def clock(self, request: Request) -> Response:
        """Read, move or reset Meta's clock."""
        clock = self._carrier.world.clock
        if request.method == "DELETE":
            clock.offset = 0
        if request.method == "POST":
            update = ClockUpdate.model_validate_json(await request.body())
            clock.offset += update.advance_seconds or 0
            clock.offset += update.now.timestamp() - clock.now() if update.now else 0
        return Ascii({"now": clock.now(), "offset_seconds": clock.offset})


def _updated(settings: ModelT, update: Json | None) -> ModelT:
    """Return the settings with some of them changed. Raises ValidationError when one is wrong."""
    return type(settings).model_validate(settings.model_dump() | (update or {}))
