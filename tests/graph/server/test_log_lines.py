"""The log of the real server names exceptions and their places, and never quotes them."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient

from simulator.ports import free_port
from simulator.stack.process import Process
from tests.graph.conftest import TOKEN
from tests.graph.support.model_server import ModelServer, body, call
from tests.graph.support.serving import Conversation

PRIVATE = ("Maria Souza", "529.982.247-25", "5511987654321")
QUOTE = " ".join(PRIVATE)


@pytest.fixture
def business_url() -> Iterator[str]:
    """A company's API whose order has a customer's data where its status should be."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answer = json.dumps({"id": "12345", "status": [QUOTE], "items": QUOTE}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("config", ["langgraph.json", "langgraph.production.json"])
async def test_no_line_quotes_a_customer(
    start_server: Callable[..., Process], model_server: ModelServer, business_url: str, config: str
) -> None:
    port = free_port()
    process = start_server(config, port, BUSINESS_API_URL=business_url, MODEL_RETRIES="0")
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
        client = LangGraphClient(http)
        for status in (400, 401):
            model_server.script = lambda _, status=status: body({"error": {"message": QUOTE}}, status)  # type: ignore[misc]
            refused = await Conversation(client).turn("t1", "Oi")
            assert refused[0] == ("success" if status == 400 else "error")
        model_server.script = lambda _: call("order_status", "c", order_id="12345")
        await Conversation(client).turn("t1", "Pedido 12345")
    model_server.reset()
    log = process.log.read_text()
    assert [word for word in PRIVATE if word in log] == []
    for wanted in ("Background run failed", "raised", "Error ("):
        assert wanted in log


def test_reading_the_module_configures_no_logging() -> None:
    """Only the server's process has the server's logging; evals and tests read the same modules."""
    check = "import graph.server.log_lines, structlog; raise SystemExit(structlog.is_configured())"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
