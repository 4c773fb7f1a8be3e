"""An OpenAI-compatible server of the demo model: `/v1/chat/completions` (streaming or not),
`/v1/audio/transcriptions`, `/v1/embeddings` and `/v1/models`.

It accepts every model name, and its answers name the model `demo`, so that it is not mistaken for a real one.
"""

import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulator.calls import CutConnection
from simulator.faults import BEFORE_KINDS, Fault, Faults
from simulator.json_type import Json
from simulator.model.conversation import text_of
from simulator.model.demo import Answer, answer
from simulator.model.embeddings import embed
from simulator.model.rules import ChatError, check
from simulator.model.tools import Call

MODEL = "demo"
TRANSCRIPT = "(O modelo de demonstração não ouve áudios.)"
JUNK = '{"id": "x", "object": "chat.completion", "choices": null, "error": {"message": "upstream"}}'
CHARACTERS_PER_TOKEN = 4  # a rule of thumb for usage numbers; nothing is billed


class ModelServer:
    """The routes of the model."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return the routes under `/v1`."""
        return [
            Route("/v1/models", self.models),
            Route("/v1/models/{name}", self.model),
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/audio/transcriptions", self.transcribe, methods=["POST"]),
            Route("/v1/embeddings", self.embed, methods=["POST"]),
        ]

    async def models(self, request: Request) -> Response:
        """List the one model."""
        _require_key(request)
        return JSONResponse({"object": "list", "data": [_model_card(MODEL)]})

    async def model(self, request: Request) -> Response:
        """Show a model; any name is served."""
        _require_key(request)
        return JSONResponse(_model_card(request.path_params["name"]))

    async def transcribe(self, request: Request) -> Response:
        """Answer for a voice note with a text that says that the demo model cannot hear."""
        _require_key(request)
        form = await request.form()
        if not isinstance(form.get("file"), UploadFile):
            raise ChatError(400, "You must provide a file to transcribe.", "file")
        return JSONResponse({"text": TRANSCRIPT})

    async def embed(self, request: Request) -> Response:
        """Answer with vectors of texts, which are real ones."""
        _require_key(request)
        return await embed(request)

    async def complete(self, request: Request) -> Response:
        """Answer with a chat completion."""
        _require_key(request)
        body = _parse(await request.body())
        last_text = text_of(body["messages"][-1])
        event = {
            "model": body["model"],
            "stream": bool(body.get("stream")),
            "picture": _shows_picture(body),
            "text": last_text,
        }
        taken = self._faults.take("model", event, BEFORE_KINDS)
        await taken.pause()
        if "cut" in taken:
            return CutConnection()
        if fault := taken.get("error"):
            return _fault_answer(fault)
        whole = event | {"text": "\n".join(text_of(message) for message in body["messages"])}
        if "refuse" in self._faults.take("model", whole, frozenset({"refuse"})):
            raise ChatError(400, "Invalid 'messages': the request was refused.", "messages", "invalid_value")
        if junk := self._faults.take("model", event, frozenset({"junk"})).get("junk"):
            return Response(junk.text or JUNK, media_type="application/json")
        scripted = _scripted(self._faults.take("model", event, frozenset({"answer"})).get("answer"))
        found = scripted or answer(body["messages"], body.get("tools") or [], body.get("tool_choice"))
        completion = Completion(body, found)
        if body.get("stream"):
            return StreamingResponse(completion.stream(), media_type="text/event-stream")
        return JSONResponse(completion.whole())


class Completion:
    """One answer in OpenAI's form."""

    def __init__(self, body: Json, found: Answer) -> None:
        self._answer = found
        self._calls = [_call(one) for one in found.calls]
        self._head = {"id": "chatcmpl-" + secrets.token_hex(12), "created": int(time.time()), "model": MODEL}
        self._finish = "tool_calls" if found.calls else "stop"
        self._usage = _usage(body, found)
        self._usage_wanted = bool((body.get("stream_options") or {}).get("include_usage"))

    def whole(self) -> Json:
        """Return the answer in one piece."""
        message: Json = {"role": "assistant", "content": self._answer.text, "refusal": None, "annotations": []}
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return self._head | {"object": "chat.completion", "choices": [choice], "usage": self._usage}

    async def stream(self) -> AsyncIterator[str]:
        """Yield the answer as server-sent events."""
        for chunk in self._chunks():
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    def _chunks(self) -> Iterator[Json]:
        yield self._chunk({"role": "assistant", "content": None if self._calls else ""})
        for word in re.findall(r"\S+\s*|\s+", self._answer.text or ""):
            yield self._chunk({"content": word})
        for index, call in enumerate(self._calls):
            yield self._chunk({"tool_calls": [{"index": index, **call}]})
        yield self._chunk({}, self._finish)
        if self._usage_wanted:
            yield self._head | {"object": "chat.completion.chunk", "choices": [], "usage": self._usage}

    def _chunk(self, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._head | {"object": "chat.completion.chunk", "choices": [choice]}


async def answer_error(_: Request, error: Exception) -> Response:
    """Answer for a ChatError."""
    if not isinstance(error, ChatError):
        raise error
    return JSONResponse(error.body(), error.status)


def _fault_answer(fault: Fault) -> Response:
    error = ChatError(fault.status or 500, fault.message or "The server had an error while processing your request.")
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    return JSONResponse(error.body(), error.status, headers)


def _shows_picture(body: Json) -> bool:
    """Return whether the conversation shows a picture."""
    contents = [message.get("content") for message in body["messages"]]
    return any(part.get("type") == "image_url" for parts in contents if isinstance(parts, list) for part in parts)


def _scripted(fault: Fault | None) -> Answer | None:
    if fault is None:
        return None
    return Answer(fault.text, [Call(one["name"], one.get("arguments", {})) for one in fault.tool_calls])


def _call(call: Call) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": "call_" + secrets.token_hex(12), "type": "function", "function": function}


def _usage(body: Json, found: Answer) -> Json:
    asked = sum(len(text_of(m)) for m in body["messages"]) + len(json.dumps(body.get("tools") or []))
    given = len(found.text or "") + sum(len(json.dumps(call.arguments)) + len(call.name) for call in found.calls)
    prompt, completion = 1 + asked // CHARACTERS_PER_TOKEN, 1 + given // CHARACTERS_PER_TOKEN
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _model_card(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "simulator (a demo, not a language model)"}


def _parse(raw: bytes) -> Json:
    """Return the request, checked. Raises ChatError."""
    try:
        body = orjson.loads(raw)  # strict: refuses lone surrogates, as OpenAI does
    except orjson.JSONDecodeError as error:
        message = "We could not parse the JSON body of your request. (HINT: it is not valid JSON.)"
        raise ChatError(400, message) from error
    check(body)
    checked: Json = body
    return checked


def _require_key(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise ChatError(401, "You didn't provide an API key.", code="invalid_api_key")
