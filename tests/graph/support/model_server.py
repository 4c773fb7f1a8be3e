"""A model behind HTTP for tests: OpenAI's Chat Completions, answered by a script, with OpenAI's refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from simulator.model.rules import ChatError, check

Message = dict[str, Any]


@dataclass(frozen=True)
class Raw:
    """A raw answer: body, status and headers."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


LONGEST_ID = 40  # of a tool call, at OpenAI
Script = Callable[[list[Message]], Message | Raw]


def say(text: str) -> Message:
    """Return an answer in words."""
    return {"role": "assistant", "content": text}


def call(name: str, call_id: str, **arguments: object) -> Message:
    """Return an answer that calls one tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


def completion(message: Message, finish_reason: str = "stop") -> Message:
    """Return the body around an answer."""
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "scripted", "choices": [choice]}


def body(value: object, status: int = 200) -> Raw:
    """Return an answer with this JSON."""
    return Raw(json.dumps(value).encode(), status)


def refusal() -> Raw:
    """Return the answer to a request that the provider will never accept."""
    return body({"error": {"message": "scripted refusal", "type": "invalid_request_error"}}, 400)


def has_picture(messages: list[Message]) -> bool:
    """Return whether a picture is shown."""
    parts = [part for one in messages if isinstance(one["content"], list) for part in one["content"]]
    return any(part["type"] == "image_url" for part in parts)


def last_user_text(messages: list[Message]) -> str:
    """Return the customer's last text."""
    return next(message["content"] for message in reversed(messages) if message["role"] == "user")


class ModelServer:
    """`script` answers; `requests` holds the bodies of all calls. `failures`: so many calls answer 500 first."""

    def __init__(self) -> None:
        self.reset()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def reset(self) -> None:
        """Forget script, requests and failures; keep the address."""
        self.script: Script = lambda messages: say(f"Você disse: {last_user_text(messages)}")
        self.requests: list[Message] = []
        self.failures = 0

    def answer(self, request: Message) -> Raw:
        """Return the answer to one call."""
        self.requests.append(request)
        if self.failures:
            self.failures -= 1
            return body({"error": {"message": "scripted failure"}}, 500)
        try:
            check(request)
            _check_ids(request["messages"])
        except ChatError as error:
            return body(error.body(), error.status)
        said = self.script(request["messages"])
        return said if isinstance(said, Raw) else body(completion(said))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = server.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(answer.status)
                self.send_header("content-type", answer.content_type)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _check_ids(messages: list[Message]) -> None:
    """Check that no two calls of a conversation have the same id."""
    ids = [call["id"] for message in messages for call in message.get("tool_calls") or []]
    if len(set(ids)) != len(ids) or not all(0 < len(call_id) <= LONGEST_ID for call_id in ids):
        raise ChatError(400, "ids of tool calls repeat, or are too long")
