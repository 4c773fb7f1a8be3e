"""Check webhooks, take them apart, make them durable, and only then acknowledge them."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.inbox.writer import Inbox, NotDurableError
from gateway.numbers.channels import Channels
from gateway.numbers.signers import digest
from gateway.runtime.telemetry import ACK, FOREIGN, SIGNATURE_FAILURES, WEBHOOKS
from gateway.runtime.tracing import tracer
from gateway.whatsapp.json_bytes import decode
from gateway.whatsapp.webhooks.items import Item, items
from gateway.whatsapp.webhooks.signature import signed_with

log = structlog.get_logger(__name__)

#: Meta's payloads are at most 3 MB (Cloud API, webhooks).
MAX_BODY = 3 * 1024 * 1024


class _TooLargeError(Exception):
    pass


class Webhook:
    """The two methods of `/webhook/whatsapp`: verification (GET) and delivery (POST)."""

    def __init__(self, inbox: Inbox, channels: Channels) -> None:
        self._inbox = inbox
        self._channels = channels

    def routes(self) -> list[Route]:
        """Return the route to mount."""
        return [Route("/webhook/whatsapp", self._handle, methods=["GET", "POST"])]

    async def _handle(self, request: Request) -> Response:
        started = time.perf_counter()
        response = self._subscribe(request) if request.method != "POST" else await self._deliver(request)
        WEBHOOKS.labels(str(response.status_code)).inc()
        if request.method == "POST":
            ACK.observe(time.perf_counter() - started)
        return response

    def _subscribe(self, request: Request) -> Response:
        query = request.query_params
        given = query.get("hub.verify_token", "").encode()
        known = [hmac.compare_digest(given, token.encode()) for token in self._channels.verify_tokens()]
        if query.get("hub.mode") != "subscribe" or not any(known):
            return PlainTextResponse("the verify token is not the one that is configured here", 403)
        return PlainTextResponse(query.get("hub.challenge", ""))

    async def _deliver(self, request: Request) -> Response:
        try:
            body = await _read(request)
        except _TooLargeError:
            return PlainTextResponse(f"a webhook has at most {MAX_BODY} bytes", 413)
        except ClientDisconnect:
            return PlainTextResponse("the body ended before its length", 400)
        secret = signed_with(body, request.headers.get("x-hub-signature-256"), self._channels.app_secrets())
        if secret is None:
            SIGNATURE_FAILURES.inc()
            return PlainTextResponse("the signature is missing or was not made with an app secret known here", 403)
        try:
            payload = decode(body)
        except ValueError:
            return PlainTextResponse("the body is not JSON", 400)
        return await self._keep(items(payload), digest(secret))

    async def _keep(self, found: Sequence[Item], signer: str) -> Response:
        """Store the items that this secret may sign; the others are refused, and Meta delivers them again."""
        new = [signed for item in found if (signed := self._signed(item, signer))]
        try:
            with tracer.start_as_current_span("webhook", attributes={"items": len(new)}):
                if new:
                    await self._inbox.keep(new)
        except NotDurableError:
            return PlainTextResponse("nothing was stored; deliver again", 503, {"Retry-After": "5"})
        if foreign := len(found) - len(new):
            FOREIGN.inc(foreign)
            log.warning("foreign_signature", items=foreign, signer=signer)
            return PlainTextResponse("the signature was made with the secret of another app than the number's", 403)
        return PlainTextResponse("ok")

    def _signed(self, item: Item, signer: str) -> Item | None:
        """Return an item with its signer, as it is kept; None: this secret does not sign for its number."""
        allowed = self._channels.may_sign(signer, item.phone_number_id, item.waba_id)
        if allowed is False:
            return None
        # The number is not known yet, and so it is not known which copy of an item is the true one: each is kept.
        key = item.key if allowed else f"{item.key}@{signer}"
        return replace(item, key=key, signer=signer, verified=bool(allowed))


async def _read(request: Request) -> bytes:
    """Return the body, counted while it streams in: the length that a client states proves nothing."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)
