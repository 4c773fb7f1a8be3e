"""A stand-in for the management side of Meta's Graph API, in the shapes of its documentation.

Tests put it behind httpx (ASGITransport) or serve it; it keeps accounts, numbers, templates and tokens in memory.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]

SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]


class GraphError(Exception):
    """An answer of Meta's error format."""

    def __init__(self, code: int, message: str, *, status: int = 400, subcode: int | None = None, user: str | None = None):
        self.code, self.message, self.status, self.subcode, self.user = code, message, status, subcode, user

    def response(self) -> Response:
        error: Json = {"message": f"(#{self.code}) {self.message}", "type": "OAuthException", "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.user:
            error |= {"error_user_title": self.message, "error_user_msg": self.user}
        return JSONResponse({"error": error | {"fbtrace_id": "Atrace"}}, self.status)


@dataclass
class TokenEntry:
    app_id: str = "700"
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    expires_at: int = 0
    valid: bool = True
    accounts: list[str] | None = None


@dataclass
class Account:
    subscriptions: dict[str, str | None] = field(default_factory=dict)  # app id -> override
    templates: dict[str, Json] = field(default_factory=dict)  # by id
    creates: deque[float] = field(default_factory=deque)


class Meta:
    """Meta: change it in a test as Meta's side would change."""

    def __init__(self) -> None:
        self.tokens = {"token-1": TokenEntry()}
        self.accounts = {"200": Account()}
        self.numbers: dict[str, Json] = {"100": number("100")}
        self.profiles: dict[str, Json] = {"100": {}}
        self.callbacks: dict[str, str] = {}  # url -> verify token that it accepts
        self.calls: list[str] = []
        self.away = False
        self.lose_answers = 0  # so many changes are carried out, but answered with 503
        self.approve_at_once = False
        self.rewrite: dict[str, str] = {}  # text as sent -> text as stored
        self.creates_per_window, self.window = 100, 3600.0
        self._ids = count(5000)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/{version}/debug_token", self._wrapped(self._debug_token)),
                Route("/{version}/{id}/subscribed_apps", self._wrapped(self._subscribed_apps), methods=["GET", "POST", "DELETE"]),
                Route("/{version}/{id}/whatsapp_business_profile", self._wrapped(self._profile), methods=["GET", "POST"]),
                Route("/{version}/{id}/message_templates", self._wrapped(self._templates), methods=["GET", "POST", "DELETE"]),
                Route("/{version}/{id}", self._wrapped(self._object), methods=["GET", "POST"]),
            ]
        )

    def template(self, name: str, language: str = "pt_BR", account: str = "200") -> Json:
        found = [t for t in self.accounts[account].templates.values() if (t["name"], t["language"]) == (name, language)]
        return found[0]

    def add_template(self, name: str, components: list[Json], account: str = "200", **fields: Any) -> Json:
        template = {
            "id": str(next(self._ids)),
            "name": name,
            "language": "pt_BR",
            "status": "APPROVED",
            "category": "UTILITY",
            "components": components,
            "parameter_format": "POSITIONAL",
            **fields,
        }
        self.accounts[account].templates[template["id"]] = template
        return template

    def made(self, call: str) -> int:
        return sum(one == call for one in self.calls)

    def _wrapped(self, handle: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            try:
                if self.away:
                    raise GraphError(2, "Service temporarily unavailable", status=503)
                answer = await handle(request, self._token(request))
                if request.method != "GET" and self.lose_answers:
                    self.lose_answers -= 1
                    raise GraphError(2, "Service temporarily unavailable", status=503)
                return JSONResponse(answer)
            except GraphError as error:
                return error.response()

        return endpoint

    def _token(self, request: Request) -> TokenEntry:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        entry = self.tokens.get(token)
        if scheme != "Bearer" or entry is None or not entry.valid:
            raise GraphError(190, f"Error validating access token: {token} is no good", status=401)
        return entry

    async def _debug_token(self, request: Request, caller: TokenEntry) -> Json:
        self.calls.append("debug_token")
        entry = self.tokens.get(request.query_params["input_token"])
        if entry is None or not entry.valid:
            return {"data": {"is_valid": False, "scopes": [], "error": {"code": 190, "message": "Invalid OAuth access token."}}}
        data: Json = {
            "app_id": entry.app_id,
            "type": "SYSTEM_USER",
            "is_valid": True,
            "expires_at": entry.expires_at,
            "data_access_expires_at": 0,
            "scopes": entry.scopes,
        }
        if entry.accounts is not None:
            data["granular_scopes"] = [{"scope": scope, "target_ids": entry.accounts} for scope in entry.scopes]
        return {"data": data}

    async def _subscribed_apps(self, request: Request, caller: TokenEntry) -> Json:
        account = self._account(request)
        if request.method == "GET":
            self.calls.append("read_subscription")
            return {"data": [self._app(app, override) for app, override in account.subscriptions.items()]}
        if request.method == "DELETE":
            self.calls.append("unsubscribe")
            account.subscriptions.pop(caller.app_id, None)
            return {"success": True}
        self.calls.append("subscribe")
        body = await request.json() if await request.body() else {}
        override = body.get("override_callback_uri")
        if override and self.callbacks.get(override) != body.get("verify_token"):
            raise GraphError(2200, "Callback verification failed with the following errors: HTTP Status Code = 403")
        account.subscriptions[caller.app_id] = override
        return {"success": True}

    async def _profile(self, request: Request, caller: TokenEntry) -> Json:
        number_id = request.path_params["id"]
        if request.method == "GET":
            self.calls.append("read_profile")
            return {"data": [{**self.profiles[number_id], "messaging_product": "whatsapp"}]}
        self.calls.append("set_profile")
        body = await request.json()
        body.pop("messaging_product")
        self.profiles[number_id] |= {key: self._stored(value) for key, value in body.items()}
        return {"success": True}

    async def _templates(self, request: Request, caller: TokenEntry) -> Json:
        account = self._account(request)
        if request.method == "GET":
            return self._list(request, account)
        if request.method == "DELETE":
            self.calls.append("delete_template")
            template_id = request.query_params.get("hsm_id")
            if template_id not in account.templates:
                raise GraphError(100, "Invalid parameter", subcode=2593002, user="Message template not found")
            del account.templates[template_id]
            return {"success": True}
        self.calls.append("create_template")
        return self._create(account, await request.json())

    def _list(self, request: Request, account: Account) -> Json:
        self.calls.append("list_templates")
        limit, after = int(request.query_params.get("limit", 25)), int(request.query_params.get("after", 0))
        listed = list(account.templates.values())
        answer: Json = {"data": listed[after : after + limit]}
        if listed:
            answer["paging"] = {"cursors": {"before": str(after), "after": str(after + limit)}}
            if after + limit < len(listed):
                answer["paging"]["next"] = "https://graph.facebook.com/next"
        return answer

    def _create(self, account: Account, body: Json) -> Json:
        now = time.monotonic()
        while account.creates and account.creates[0] < now - self.window:
            account.creates.popleft()
        if len(account.creates) >= self.creates_per_window:
            raise GraphError(80008, "There have been too many calls to this WhatsApp Business account.")
        if any((t["name"], t["language"]) == (body["name"], body["language"]) for t in account.templates.values()):
            raise GraphError(100, "Invalid parameter", subcode=2388024, user="Content in this language already exists")
        if any("forbidden" in str(component.get("text", "")) for component in body["components"]):
            raise GraphError(100, "Invalid parameter", subcode=2388019, user="The text breaks a rule of Meta.")
        account.creates.append(now)
        template = {**body, "id": str(next(self._ids)), "status": "APPROVED" if self.approve_at_once else "PENDING"}
        template["components"] = [self._stored(component) for component in body["components"]]
        account.templates[template["id"]] = template
        return {"id": template["id"], "status": template["status"], "category": template["category"]}

    async def _object(self, request: Request, caller: TokenEntry) -> Json:
        object_id = request.path_params["id"]
        if request.method == "GET":
            self.calls.append("read_number")
            if object_id not in self.numbers:
                raise GraphError(100, f"Object with ID '{object_id}' does not exist", subcode=33)
            return self.numbers[object_id]
        for account in self.accounts.values():
            if object_id in account.templates:
                self.calls.append("edit_template")
                return self._edit(account.templates[object_id], await request.json())
        raise GraphError(100, f"Object with ID '{object_id}' does not exist", subcode=33)

    def _edit(self, template: Json, changes: Json) -> Json:
        if template["status"] not in {"APPROVED", "REJECTED", "PAUSED"}:
            raise GraphError(100, "Invalid parameter", subcode=2388003, user="Only approved, rejected or paused templates")
        if template["status"] == "APPROVED" and "category" in changes:
            raise GraphError(100, "Invalid parameter", user="The category of an approved template cannot change")
        template |= {**changes, "components": [self._stored(one) for one in changes["components"]], "status": "PENDING"}
        return {"success": True}

    def _stored(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._stored(one) for key, one in value.items()}
        return self.rewrite.get(value, value) if isinstance(value, str) else value

    def _account(self, request: Request) -> Account:
        account = self.accounts.get(request.path_params["id"])
        if account is None:
            raise GraphError(100, "Object does not exist", subcode=33)
        return account

    def _app(self, app_id: str, override: str | None) -> Json:
        app: Json = {"whatsapp_business_api_data": {"id": app_id, "link": "https://example.com", "name": "App"}}
        return app | ({"override_callback_uri": override} if override else {})


def number(number_id: str, **fields: Any) -> Json:
    return {
        "id": number_id,
        "display_phone_number": "+55 11 3000-0000",
        "verified_name": "Loja",
        "quality_rating": "GREEN",
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "throughput": {"level": "STANDARD"},
        "messaging_limit_tier": "TIER_1K",
        "health_status": {"can_send_message": "AVAILABLE", "entities": []},
        **fields,
    }
