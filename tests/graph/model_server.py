"""A model behind HTTP for tests: OpenAI's Chat Completions, answered by a script; refuses what OpenAI refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Message = dict[str, Any]
Script = Callable[[list[Message]], Message]


def say(text: str) -> Message:
    """An answer in words."""
    return {"role": "assistant", "content": text}


def call(name: str, call_id: str, **arguments: object) -> Message:
    """An answer that calls one tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


def last_user_text(messages: list[Message]) -> str:
    """What the customer said last."""
    return next(message["content"] for message in reversed(messages) if message["role"] == "user")


class ModelServer:
    """``script`` answers; ``requests`` holds the bodies of all calls. ``failures``: so many calls answer 500 first."""

    def __init__(self) -> None:
        self.reset()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def reset(self) -> None:
        """Forget script, requests and failures; keep the address."""
        self.script: Script = lambda messages: say(f"Você disse: {last_user_text(messages)}")
        self.requests: list[Message] = []
        self.failures = 0

    def answer(self, request: Message) -> tuple[int, Message]:
        """Status and body for one call."""
        self.requests.append(request)
        if self.failures:
            self.failures -= 1
            return 500, {"error": {"message": "scripted failure"}}
        if open_calls := _open_calls(request["messages"]):
            return 400, {"error": {"message": f"tool calls without an answer: {open_calls}"}}
        choice = {"index": 0, "message": self.script(request["messages"]), "finish_reason": "stop"}
        return 200, {"id": "chatcmpl-1", "object": "chat.completion", "model": "scripted", "choices": [choice]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = server.answer(json.loads(body))
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _open_calls(messages: list[Message]) -> list[str]:
    """Tool calls that the next messages do not answer, as OpenAI demands."""
    missing: list[str] = []
    for position, message in enumerate(messages):
        calls = [tool_call["id"] for tool_call in message.get("tool_calls") or []]
        answers = [later.get("tool_call_id") for later in messages[position + 1 : position + 1 + len(calls)]]
        missing += [call_id for call_id in calls if call_id not in answers]
    return missing
