"""The routes of media: upload, address, download, delete; and the resumable uploads of samples and pictures."""

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.api.fault_responses import fault_response
from simulator.api.graph_call import VERSION, Call, bearer, open_call
from simulator.calls import CutConnection
from simulator.faults import BEFORE_KINDS, KINDS
from simulator.json_type import Json
from simulator.meta.business.accounts import MESSAGING
from simulator.meta.carrier import Carrier
from simulator.meta.errors import INVALID_PARAMETER, GraphError, unknown_object
from simulator.meta.media import UPLOAD_SECONDS, Medium, check_upload
from simulator.meta.tokens import authorise

ATTACHMENTS_PATH = "/whatsapp_business/attachments/"  # the path at lookaside.fbsbx.com
UPLOAD_PREFIX = "upload:"


class MediaApi:
    """Media calls over one carrier's world."""

    def __init__(self, carrier: Carrier) -> None:
        self._world = carrier.world
        self._media = carrier.world.media
        self._faults = carrier.faults

    def routes(self) -> list[Route]:
        """Return the routes that are not `/{object_id}`."""
        return [
            Route(f"{VERSION}/{{number_id}}/media", self.upload, methods=["POST"]),
            Route(f"{VERSION}/{{app_id}}/uploads", self.begin_upload, methods=["POST"]),
            Route(ATTACHMENTS_PATH, self.download),
        ]

    def owns(self, request: Request) -> bool:
        """Return whether `/{object_id}` names a medium or an upload's session."""
        object_id: str = request.path_params["object_id"]
        known = self._media.get(object_id) is not None
        return known or object_id.startswith(UPLOAD_PREFIX) or request.method == "DELETE"

    async def node(self, request: Request) -> Response:
        """Answer `GET` with a medium's address, `DELETE` a medium, or take the bytes of an upload by `POST`."""
        if request.method == "POST":
            return await self._finish_upload(request)
        what = "url" if request.method == "GET" else "delete"
        return await self._answer(request, what, self._address if what == "url" else self._delete)

    async def upload(self, request: Request) -> Response:
        """Answer `POST /{phone_number_id}/media`: a form with messaging_product, type and file."""
        return await self._answer(request, "upload", self._store)

    async def begin_upload(self, request: Request) -> Response:
        """Answer `POST /{app_id}/uploads` with the session for a template's sample or a profile's picture."""
        call = await open_call(self._world, request)
        if request.path_params["app_id"] != self._world.app.id:
            raise unknown_object(request.path_params["app_id"])
        for name in ("file_length", "file_type"):
            if not call.parameters.get(name):
                raise GraphError(INVALID_PARAMETER, title=f"The parameter {name} is required.")
        return JSONResponse({"id": UPLOAD_PREFIX + secrets.token_urlsafe(24)})

    async def download(self, request: Request) -> Response:
        """Answer with the bytes, if the token is good and the address still works."""
        query = dict(request.query_params)
        event = {"what": "download", "id": query.get("mid")}
        if refusal := await fault_response(self._faults, "media", event):
            return refusal
        authorise(self._world, bearer(request))
        taken = self._faults.take("media", event, KINDS["media"] - BEFORE_KINDS)
        medium = self._media.at(query, self._world.clock.now())
        if medium is None or "expired" in taken:
            return JSONResponse({"error": {"message": "URL signature expired", "code": 404}}, 404)
        answer = Response(medium.content, media_type=medium.mime_type)
        return CutConnection() if "lost_answer" in taken else answer

    async def _store(self, call: Call) -> Json:
        number = call.number(call.request.path_params["number_id"], MESSAGING)
        if call.parameters.get("messaging_product") != "whatsapp":
            raise GraphError(INVALID_PARAMETER, title="The parameter messaging_product is required.")
        file = call.parameters.get("file")
        if not isinstance(file, UploadFile):
            raise GraphError(INVALID_PARAMETER, title="The parameter file is required.")
        content = await file.read()
        mime_type = file.content_type or str(call.parameters.get("type", ""))
        check_upload(content, mime_type)
        expires_at = self._world.clock.now() + UPLOAD_SECONDS
        return {"id": self._media.add(number.id, content, mime_type, file.filename, expires_at).id}

    async def _address(self, call: Call) -> Json:
        medium, now = self._medium(call), self._world.clock.now()
        url = (
            f"{str(call.request.base_url).rstrip('/')}{ATTACHMENTS_PATH}?{urlencode(self._media.address(medium, now))}"
        )
        facts = {"mime_type": medium.mime_type, "sha256": medium.sha256, "file_size": len(medium.content)}
        return {"messaging_product": "whatsapp", "url": url, **facts, "id": medium.id}

    async def _delete(self, call: Call) -> Json:
        self._media.remove(self._medium(call).id)
        return {"success": True}

    def _medium(self, call: Call) -> Medium:
        """Return the medium that is asked for. Raises GraphError when it has expired, or belongs to another number."""
        media_id = call.request.path_params["object_id"]
        medium = self._media.usable(media_id, self._world.clock.now())
        wanted = call.parameters.get("phone_number_id")
        if medium is None or wanted not in (None, medium.number_id) or medium.number_id not in self._world.numbers:
            raise unknown_object(media_id, call.verb)
        call.number(medium.number_id, MESSAGING)
        return medium

    async def _finish_upload(self, request: Request) -> Response:
        authorise(self._world, bearer(request))
        content = await request.body()
        return JSONResponse({"h": f"4::{secrets.token_urlsafe(16)}:{len(content)}"})

    async def _answer(self, request: Request, what: str, handler: Callable[[Call], Awaitable[Json]]) -> Response:
        event = {"what": what, "id": request.path_params.get("object_id")}
        if refusal := await fault_response(self._faults, "media", event):
            return refusal
        call = await open_call(self._world, request)
        taken = self._faults.take("media", event, KINDS["media"] - BEFORE_KINDS)
        if "expired" in taken:
            raise unknown_object(str(event["id"]), call.verb)
        answer = await handler(call)
        return CutConnection() if "lost_answer" in taken else JSONResponse(answer)
