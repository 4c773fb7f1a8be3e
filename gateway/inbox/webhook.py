"""Check webhooks, take them apart, make them durable, and only then acknowledge them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.inbox.verification import Verification
from gateway.inbox.webhook_rows import RowBounds, Rows, rows
from gateway.inbox.writer import Inbox, NotDurableError
from gateway.numbers.channels import Channels
from gateway.numbers.signers import Signers
from gateway.runtime.telemetry import ACK, FOREIGN, SIGNATURE_FAILURES, WEBHOOKS
from gateway.runtime.tracing import tracer
from gateway.whatsapp.webhooks.signature import has_shape, signed_with

log = structlog.get_logger(__name__)

#: Meta's payloads are at most 3 MB (Cloud API, webhooks).
MAX_BODY = 3 * 1024 * 1024
# Larger bodies take tenths of a second: one at a time, in a thread, so that others are answered meanwhile.
_LARGE_BODY = 64 * 1024
_NOT_SIGNED = "the signature is missing or was not made with an app secret known here"


class _RefusedError(Exception):
    """The answer to a request that is refused."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.answer = PlainTextResponse(sentence, status)


class Webhook:
    """The two methods of `/webhook/whatsapp`: verification (GET) and delivery (POST)."""

    def __init__(self, inbox: Inbox, channels: Channels, bounds: RowBounds = RowBounds()) -> None:  # noqa: B008  # frozen
        self._inbox = inbox
        self._channels = channels
        self._verification = Verification(channels)
        self._bounds = bounds
        self._one_large = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the route to mount."""
        return [Route("/webhook/whatsapp", self._handle, methods=["GET", "POST"])]

    async def _handle(self, request: Request) -> Response:
        started = time.perf_counter()
        response = self._verification.answer(request) if request.method != "POST" else await self._deliver(request)
        WEBHOOKS.labels(str(response.status_code)).inc()
        if request.method == "POST":
            ACK.observe(time.perf_counter() - started)
        return response

    async def _deliver(self, request: Request) -> Response:
        try:
            body = await _read(request)
            found = await self._rows(body, request.headers.get("x-hub-signature-256"))
        except _RefusedError as refused:
            return refused.answer
        except ClientDisconnect:
            return PlainTextResponse("the body ended before its length", 400)
        return await self._keep(found)

    async def _rows(self, body: bytes, signature: str | None) -> Rows:
        """Return the rows of a body. Raises _RefusedError."""
        secrets, signers = self._channels.app_secrets(), self._channels.signers()
        if len(body) <= _LARGE_BODY:
            return _signed_rows(body, signature, secrets, signers, self._bounds)
        async with self._one_large:
            return await asyncio.to_thread(_signed_rows, body, signature, secrets, signers, self._bounds)

    async def _keep(self, found: Rows) -> Response:
        """Store the rows that the secret may sign; the others are refused, and Meta delivers them again."""
        try:
            with tracer.start_as_current_span("webhook", attributes={"items": len(found.kept)}):
                if found.kept:
                    await self._inbox.keep(found.kept)
        except NotDurableError:
            return PlainTextResponse("nothing was stored; deliver again", 503, {"Retry-After": "5"})
        if found.refused:
            FOREIGN.inc(found.refused)
            log.warning("foreign_signature", items=found.refused, signer=found.signer)
            return PlainTextResponse("the signature was made with the secret of another app than the number's", 403)
        return PlainTextResponse("ok")


def _signed_rows(
    body: bytes, signature: str | None, secrets: Sequence[str], signers: Signers, bounds: RowBounds
) -> Rows:
    """Return the rows of a body that one of these secrets signed. Raises _RefusedError."""
    secret = signed_with(body, signature, secrets)
    if secret is None:
        SIGNATURE_FAILURES.inc()
        raise _RefusedError(403, _NOT_SIGNED)
    try:
        return rows(body, secret, signers, bounds)
    except ValueError:
        raise _RefusedError(400, "the body is not JSON") from None


async def _read(request: Request) -> bytes:
    """Return the body of a request that may be signed. Raises _RefusedError.

    It is counted while it streams in: the length that a client states proves nothing.
    """
    if not has_shape(request.headers.get("x-hub-signature-256")):
        SIGNATURE_FAILURES.inc()
        raise _RefusedError(403, _NOT_SIGNED)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _RefusedError(413, f"a webhook has at most {MAX_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
