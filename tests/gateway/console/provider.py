"""A small OpenID provider: discovery, keys, a page to sign in, and a token endpoint that checks what it is told."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from markupsafe import escape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulator.ports import HOST, free_port

ISSUER = "https://id.example.com"
CLIENT, SECRET = "console", "client-secret"


class Provider:
    """`claims` are those of the next identity token, over the usual ones. `transport` leads to it without a port."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.signer = self.key
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.claims: dict[str, Any] = {}
        self.issuer = self._address = issuer
        self.asked: dict[str, str] = {}
        self.used: set[str] = set()
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/keys", self._keys),
            Route("/authorize", self._page),
            Route("/token", self._token, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)
        self.transport = httpx.ASGITransport(self.app)

    def visit(self, address: str) -> dict[str, str]:
        """Sign in there: return the query with which the browser is sent back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
        assert query["code_challenge_method"] == "S256"
        self.asked = query
        return {"code": f"code-{len(self.used)}", "state": query["state"]}

    async def _page(self, request: Request) -> Response:
        back = f"{request.query_params['redirect_uri']}?{urlencode(self.visit(str(request.url)))}"
        link = f'<a href="{escape(back)}">Continuar como Ana Lima</a>'
        return HTMLResponse(f'<title>Contas</title><link rel="icon" href="data:,">{link}')

    async def _configuration(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self._address}/authorize",
                "token_endpoint": f"{self._address}/token",
                "jwks_uri": f"{self._address}/keys",
            }
        )

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        right = request.headers.get("authorization") == f"Basic {basic}" and challenge == self.asked["code_challenge"]
        if not right or form["code"] in self.used or form["redirect_uri"] != self.asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.used.add(form["code"])
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": self._identity()})

    def _identity(self) -> str:
        now = int(time.time())
        usual = {
            "iss": self._address, "aud": CLIENT, "sub": "subject-1", "iat": now, "exp": now + 300,
            "nonce": self.asked["nonce"], "email": "ana@loja.com.br", "email_verified": True, "name": "Ana Lima",
        }  # fmt: skip
        return jwt.encode(self.header, usual | self.claims, self.signer, algorithms=["RS256", "HS256"])


class ServedProvider(Provider):
    """The provider at a port, for browsers."""

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[ServedProvider]:
        """Serve while the block runs."""
        port = free_port()
        provider = cls(f"http://{HOST}:{port}")
        config = uvicorn.Config(provider.app, host=HOST, port=port, log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the provider did not start"
            time.sleep(0.01)
        yield provider
        server.should_exit = True
        thread.join()
