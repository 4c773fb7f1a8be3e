"""Calls of OpenAI itself: its Responses API, with a server of this test in its place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from graph.agent import build
from graph.business import Business
from graph.model import chat
from graph.server import persistence
from graph.settings import settings
from graph.turn.model import chat_model
from tests.graph.support.talk import context, texts, turn_input

THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "order_status", "status": "completed"}


def _words(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


@pytest.fixture
def openai(environment: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The bodies of the requests; the answers are a tool call after some thought, then words."""
    asked: list[dict[str, Any]] = []
    outputs = [
        [THOUGHT, CALL | {"arguments": json.dumps({"order_id": "12345"})}],
        [_words("Está em separação.")],
        [_words("De nada!")],
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/responses"
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            answer = {"id": f"resp_{len(asked)}", "object": "response", "created_at": 0, "model": "gpt", "error": None}
            answer |= {"output": outputs[len(asked) - 1], "status": "completed", "tools": [], "tool_choice": "auto"}
            answer |= {"parallel_tool_calls": True, "incomplete_details": None, "instructions": None, "metadata": {}}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        environment.setenv("OPENAI_API_KEY", "key")
        environment.setattr(chat, "OPENAI_HOST", "127.0.0.1")
        settings.cache_clear()
        chat_model.cache_clear()
        yield asked
        server.shutdown()
    chat_model.cache_clear()


async def test_tools_thoughts_and_words_go_through(openai: list[dict[str, Any]], data: Business) -> None:
    async with persistence.checkpointer() as saver:
        graph = build(chat_model("openai:gpt-5.6-terra"), saver)
        config: Any = {"configurable": {"thread_id": "1"}}
        first = await graph.ainvoke(turn_input("t1", "E o pedido 12345?"), config, context=context())
        second = await graph.ainvoke(turn_input("t2", "Obrigada"), config, context=context())
    assert (texts(first), texts(second)) == (["Está em separação."], ["De nada!"])
    assert all(body["store"] is False and "order_status" in str(body["tools"]) for body in openai)
    told = [item.get("type", item.get("role")) for item in openai[1]["input"]]
    assert told[-3:] == ["reasoning", "function_call", "function_call_output"]
    assert openai[1]["input"][-3]["encrypted_content"] == "opaque"
    assert "Em separação" in openai[1]["input"][-1]["output"]
