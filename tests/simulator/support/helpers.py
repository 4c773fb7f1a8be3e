"""A business that receives webhooks, and a wait for conditions."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.ports import HOST

TIMEOUT_SECONDS = 10


def eventually(condition: Callable[[], Any], seconds: float = TIMEOUT_SECONDS) -> Any:
    """Return the first true value of the condition; fail when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return value


class Business:
    """A webhook that stores its requests. `answers`: status codes to answer with first, then always 200."""

    def __init__(self, port: int = 0) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        business = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = business.answers.pop(0) if business.answers else 200
                business.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                right = query.get("hub.verify_token") == "simulator-verify-token"
                body = query["hub.challenge"].encode() if right else b""
                self.send_response(200 if right else 403)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}/webhook/whatsapp"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in list(self.posts)]

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Return all `messages` or `statuses`, in the order of arrival."""
        changes = [change for payload in self.payloads for entry in payload["entry"] for change in entry["changes"]]
        return [item for change in changes for item in change["value"].get(kind, [])]

    def texts(self) -> list[str]:
        return [item["text"]["body"] for item in self.items("messages")]

    def signed_well(self) -> list[bool]:
        """Return for each post whether its signature is that of its raw bytes."""
        return [
            headers.get("x-hub-signature-256")
            == "sha256=" + hmac.new(b"simulator-app-secret", body, hashlib.sha256).hexdigest()
            for headers, body in self.posts
        ]
