"""A small OpenID provider at the transport: discovery, keys, and a token endpoint that checks what it is told."""

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ISSUER = "https://id.example.com"
CLIENT, SECRET = "console", "client-secret"


class Provider:
    """`claims` are those of the next identity token, over the usual ones; `broken` names what is wrong with it."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.signer = self.key
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.claims: dict[str, Any] = {}
        self.issuer = ISSUER
        self.asked: dict[str, str] = {}
        self.used: set[str] = set()
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/keys", self._keys),
            Route("/token", self._token, methods=["POST"]),
        ]
        self.transport = httpx.ASGITransport(Starlette(routes=routes))

    def visit(self, address: str) -> dict[str, str]:
        """Sign in there: return the query with which the browser is sent back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
        assert query["code_challenge_method"] == "S256"
        self.asked = query
        return {"code": f"code-{len(self.used)}", "state": query["state"]}

    async def _configuration(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
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
            "iss": ISSUER, "aud": CLIENT, "sub": "subject-1", "iat": now, "exp": now + 300,
            "nonce": self.asked["nonce"], "email": "ana@loja.com.br", "email_verified": True, "name": "Ana Lima",
        }  # fmt: skip
        return jwt.encode(self.header, usual | self.claims, self.signer, algorithms=["RS256", "HS256"])
