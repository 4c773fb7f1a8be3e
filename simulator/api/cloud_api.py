"""The routes of Meta's Cloud API for messages and thread control."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.api.fault_responses import fault_response
from simulator.api.graph_call import json_object, open_call
from simulator.calls import CutConnection
from simulator.faults import BEFORE_KINDS, KINDS
from simulator.meta.business.accounts import MESSAGING
from simulator.meta.carrier import Carrier
from simulator.meta.errors import GraphError
from simulator.meta.messages.sends import Envelope, Read, parse_control, parse_read, parse_send
from simulator.meta.world import Number, digits_of, text_of

AFTER_KINDS = KINDS["send"] - BEFORE_KINDS


class CloudApi:
    """The Cloud API over one carrier."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def routes(self) -> list[Route]:
        """Return the routes of messages and of thread control."""
        number = "/v{major:int}.{minor:int}/{number_id}"
        return [
            Route(f"{number}/messages", self.messages, methods=["POST"]),
            Route(f"{number}/thread_control", self.thread_control, methods=["POST"]),
        ]

    async def messages(self, request: Request) -> Response:
        """Answer `POST /{version}/{phone_number_id}/messages`: a send, or a read receipt."""
        call = await open_call(self._carrier.world, request)
        number = call.number(request.path_params["number_id"], MESSAGING)
        body = json_object(await request.body())
        if body.get("status") is not None:
            return await self._read(parse_read(body))
        return await self._send(request, number, parse_send(body))

    async def thread_control(self, request: Request) -> Response:
        """Answer `POST /…/{phone_number_id}/thread_control`: take or release a conversation; no webhook follows."""
        call = await open_call(self._carrier.world, request)
        number = call.number(request.path_params["number_id"], MESSAGING)
        self._carrier.control_thread(number, parse_control(call.parameters))
        return JSONResponse({"messaging_product": "whatsapp"})

    async def _send(self, request: Request, number: Number, send: Envelope) -> Response:
        content = send.message_content()
        event = {"to": digits_of(send.address), "type": send.type, "text": text_of(content)}
        if refusal := await fault_response(self._carrier.faults, "send", event):
            return refusal
        taken = self._carrier.faults.take("send", event, AFTER_KINDS)
        answer = self._carrier.accept(number, send, taken)
        request.scope["simulator.call"]["made"] = answer["messages"][0]["id"]
        return CutConnection() if "lost_answer" in taken else JSONResponse(answer)

    async def _read(self, read: Read) -> Response:
        event = {"message_id": read.message_id, "typing": read.typing_indicator is not None}
        if refusal := await fault_response(self._carrier.faults, "read", event):
            return refusal
        self._carrier.read(read)
        taken = self._carrier.faults.take("read", event, AFTER_KINDS)
        return CutConnection() if "lost_answer" in taken else JSONResponse({"success": True})


async def answer_error(_: Request, error: Exception) -> Response:
    """Answer for a GraphError."""
    if not isinstance(error, GraphError):
        raise error
    return JSONResponse(error.body(), error.status, error.headers)
