"""The agent server as the customer's panel sees it: the same orders, tickets and facts for every customer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

KNOWN = {
    "orders": [
        {"id": "12345", "status": "Em separação", "ordered_on": "2026-11-20", "stage": "open"},
        {"id": "67890", "status": "Enviado, rastreio BR123456789", "ordered_on": "2026-10-02", "stage": "shipped"},
        {"id": "11111", "status": "Entregue", "ordered_on": "2026-08-14", "stage": "delivered"},
        {"id": "10101", "status": "Cancelado", "ordered_on": "2026-01-09", "stage": "cancelled"},
    ],
    "tickets": [{"id": 7, "subject": "Lente riscada", "status": "aberto", "created_at": "2026-11-21T12:00:00Z"}],
    "facts": ["Prefere lentes mensais.", "Gosta de ser chamada de Carlinha."],
    "number_trusted": False,
}


class AgentServer(ThreadingHTTPServer):
    """Answers for the agent server; status: that of its answers."""

    status = 200

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[AgentServer]:
        """Serve while the block runs."""
        with cls(("127.0.0.1", 0), _Answer) as server:
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            yield server
            server.shutdown()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: AgentServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(KNOWN).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
