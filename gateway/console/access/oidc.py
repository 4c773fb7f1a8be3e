"""The company's accounts by OpenID Connect: discovery, the code flow with PKCE, and the check of an identity token."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from gateway.store.people.sign_ins import Flow

CALLBACK = "/console/oidc/callback"
_TIMEOUT = httpx.Timeout(10, connect=5)
_KEPT_SECONDS = 3600.0  # how long metadata and keys are believed
_LEEWAY = 60  # seconds by which clocks may differ
# A signature by a key that only the issuer has: none of those made with our client secret, and not "none".
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")


class OidcError(Exception):
    """The issuer's answer cannot be used; the message names what is wrong, never a code or a token."""


@dataclass(frozen=True)
class Client:
    """The registration of the console at the issuer."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True)
class Identity:
    """Somebody whom the issuer knows. subject: the issuer and its name for them; claims: what it says about them."""

    subject: str
    claims: Mapping[str, Any]


class Issuer:
    """The issuer, asked over HTTP. `http`: a client of ours, which a test may give another transport."""

    def __init__(self, client: Client, http: httpx.AsyncClient) -> None:
        self._client = client
        self._http = http
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = float("-inf")

    async def address(self, flow: Flow) -> str:
        """Return where a browser goes to sign in. Raises OidcError."""
        metadata = await self._discover()
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": "openid profile email",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = str(metadata["authorization_endpoint"])
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    async def identity(self, flow: Flow, code: str) -> Identity:
        """Exchange a code for the identity of the signed-in person. Raises OidcError."""
        metadata = await self._discover()
        answer = await self._post_code(metadata, flow, code)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError("the issuer's answer has no identity token")
        claims = await self._claims(token, flow, str(answer.get("access_token", "")))
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise OidcError("the identity token names nobody")
        return Identity(f"{self._client.issuer}#{subject}", claims)

    async def _post_code(self, metadata: Mapping[str, Any], flow: Flow, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": flow.verifier,
        }
        name, secret = self._client.client_id, self._client.client_secret
        auth = None
        if "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            auth = httpx.BasicAuth(quote(name, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": name, "client_secret": secret}
        return await self._json("POST", str(metadata["token_endpoint"]), data=form, auth=auth)

    async def _claims(self, token: str, flow: Flow, access_token: str) -> dict[str, Any]:
        try:
            try:
                found = jwt.decode(token, await self._key_set(), algorithms=_ALGORITHMS)
            except InvalidKeyIdError:  # the issuer has a new key
                found = jwt.decode(token, await self._key_set(anew=True), algorithms=_ALGORITHMS)
            options = {
                "iss": {"essential": True, "value": self._client.issuer},
                "aud": {"essential": True, "value": self._client.client_id},
            }
            params = {"nonce": flow.nonce, "client_id": self._client.client_id, "access_token": access_token}
            claims = CodeIDToken(found.claims, found.header, options, params)
            claims.validate(leeway=_LEEWAY)
        except (JoseError, ValueError) as error:
            raise OidcError(f"the identity token is not valid ({type(error).__name__})") from error
        return dict(claims)

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        if self._keys is None or anew:
            metadata = await self._discover()
            self._keys = KeySet.import_key_set(await self._json("GET", str(metadata["jwks_uri"])))  # type: ignore[arg-type]
        return self._keys

    async def _discover(self) -> dict[str, Any]:
        if time.monotonic() - self._read_at > _KEPT_SECONDS:
            metadata = await self._json("GET", f"{self._client.issuer}/.well-known/openid-configuration")
            if str(metadata.get("issuer", "")).rstrip("/") != self._client.issuer:
                raise OidcError("what OIDC_ISSUER leads to says that it is another issuer")
            missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - metadata.keys()
            if missing:
                raise OidcError(f"the issuer's configuration has no {', '.join(sorted(missing))}")
            self._metadata, self._keys, self._read_at = metadata, None, time.monotonic()
        return self._metadata

    async def _json(self, method: str, url: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # httpx's
        try:
            answer = await self._http.request(method, url, timeout=_TIMEOUT, **options)
            answer.raise_for_status()
            told = answer.json()
        except httpx.HTTPStatusError as error:
            raise OidcError(f"the issuer answers {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise OidcError(f"the issuer does not answer as it should ({type(error).__name__})") from error
        if not isinstance(told, dict):
            raise OidcError("the issuer's answer is no object")
        return told
