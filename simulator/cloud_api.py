"""The routes of Meta's Cloud API: who may call them, what faults hit them, and who answers."""

import hmac

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.calls import CutConnection
from simulator.faults import BEFORE, KINDS, Place
from simulator.meta.carrier import Carrier
from simulator.meta.errors import INVALID_PARAMETER, INVALID_TOKEN, UNKNOWN_OBJECT_SUBCODE, GraphError
from simulator.meta.sends import Envelope, Read, parse_read, parse_send
from simulator.meta.world import Json, Number, digits_of, text_of

AFTER = KINDS["send"] - BEFORE


class CloudApi:
    """The Cloud API over one carrier."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def routes(self) -> list[Route]:
        """Everything that Meta's host answers."""
        return [Route("/v{major:int}.{minor:int}/{number_id}/messages", self.messages, methods=["POST"])]

    async def messages(self, request: Request) -> Response:
        """``POST /{version}/{phone_number_id}/messages``: a send, or a read receipt."""
        number = self._authorised(request)
        body = _json_object(await request.body())
        if body.get("status") is not None:
            return await self._read(parse_read(body))
        return await self._send(number, parse_send(body))

    async def _send(self, number: Number, send: Envelope) -> Response:
        content = send.message_content()
        event = {"to": digits_of(send.address), "type": send.type, "text": text_of(content)}
        if refusal := await self._refused("send", event):
            return refusal
        taken = self._carrier.faults.take("send", event, AFTER)
        answer = self._carrier.accept(number, send, taken)
        return CutConnection() if "lost_answer" in taken else JSONResponse(answer)

    async def _read(self, read: Read) -> Response:
        event = {"message_id": read.message_id, "typing": read.typing_indicator is not None}
        if refusal := await self._refused("read", event):
            return refusal
        self._carrier.read(read)
        taken = self._carrier.faults.take("read", event, AFTER)
        return CutConnection() if "lost_answer" in taken else JSONResponse({"success": True})

    async def _refused(self, place: Place, event: Json) -> Response | None:
        """What the faults do to a call before anything is done."""
        taken = self._carrier.faults.take(place, event, BEFORE)
        await taken.pause()
        if "cut" in taken:
            return CutConnection()
        if fault := taken.get("error"):
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
            error = GraphError(fault.code, fault.message, status=fault.status)
            return JSONResponse(error.body(), error.status, headers)
        return None

    def _authorised(self, request: Request) -> Number:
        """The number that is called, if the token may use it. Raises GraphError."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        numbers = self._carrier.world.numbers
        known = [one for one in numbers.values() if hmac.compare_digest(one.access_token.encode(), token.encode())]
        if scheme.lower() != "bearer" or not known:
            raise GraphError(INVALID_TOKEN, title="Invalid OAuth access token - Cannot parse access token")
        number_id = request.path_params["number_id"]
        if number_id not in {one.id for one in known}:
            raise unknown_object(number_id)
        return numbers[number_id]


def unknown_object(object_id: str) -> GraphError:
    """Meta's answer for an id that does not exist, or that the token may not see."""
    title = (
        f"Unsupported post request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation."
    )
    return GraphError(INVALID_PARAMETER, title=title, subcode=UNKNOWN_OBJECT_SUBCODE)


async def answer_error(_: Request, error: Exception) -> Response:
    """Exception handler for GraphError."""
    if not isinstance(error, GraphError):
        raise error
    return JSONResponse(error.body(), error.status)


def _json_object(raw: bytes) -> Json:
    """The body; strict, so that a lone surrogate or a NaN is refused as broken JSON."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise GraphError(INVALID_PARAMETER, title="Invalid JSON in the request's body.") from error
    if not isinstance(body, dict):
        raise GraphError(INVALID_PARAMETER, title="The request's body is not a JSON object.")
    return body
