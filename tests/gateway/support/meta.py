"""A Meta for tests of sending: its answers are chosen at the transport."""

import json
from typing import Any

import httpx

from tests.gateway.support.deliveries import MARIA, NUMBER


class Meta:
    """A Meta that answers each send with the next queued answer, or accepts it."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[httpx.Response | Exception] = []
        self.templates: list[dict[str, Any]] | None = None  # None: Meta does not tell
        self.asked_for_templates = 0
        self.refused_to: dict[str, httpx.Response] = {}  # by recipient, for ever
        self.uploads: list[bytes] = []  # their forms
        self.always: httpx.Response | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer the-token"
        if request.url.path.endswith("/message_templates"):
            self.asked_for_templates += 1
            return httpx.Response(200, json={"data": self.templates}) if self.templates is not None else refused(2, 503)
        if request.url.path == f"/v26.0/{NUMBER}/media":
            self.uploads.append(await request.aread())
            return httpx.Response(200, json={"id": f"upload-{len(self.uploads)}"})
        assert request.url.path == f"/v26.0/{NUMBER}/messages"
        self.bodies.append(json.loads(request.content))
        if lasting := self.refused_to.get(self.bodies[-1].get("to", "")) or self.always:
            return httpx.Response(lasting.status_code, content=lasting.content)
        answer = self.answers.pop(0) if self.answers else accepted(f"wamid.OUT{len(self.bodies)}", self.bodies[-1])
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def texts(self) -> list[str]:
        return [body["text"]["body"] for body in self.bodies if "text" in body]


def accepted(wamid: str, body: dict[str, Any] | None = None, **named: str) -> httpx.Response:
    """Return Meta's receipt, which names the recipient as the send did, or by the given `wa_id` and `user_id`."""
    to = (body or {}).get("to") or (body or {}).get("recipient") or "x"
    contact = {"input": to, **(named or {"wa_id": to.removeprefix("+")} if body else named)}
    return httpx.Response(200, json={"contacts": [contact], "messages": [{"id": wamid}]})


def refused(code: int, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "words", "type": "OAuthException"}})


def status(name: str, wamid: str, callback: str | None = None, **more: Any) -> dict[str, Any]:
    echo = {"biz_opaque_callback_data": callback} if callback else {}
    return {"id": wamid, "status": name, "timestamp": "1790000000", "recipient_id": MARIA, **echo, **more}
